// Node's http2 and https: fetch.js PORT.
'use strict';
const assert = require('assert');
const fs = require('fs');
const http2 = require('http2');
const https = require('https');

const port = process.argv[2];
const ca = fs.readFileSync('ca.pem');
const own = { cert: fs.readFileSync('own.pem'), key: fs.readFileSync('key.pem') };

// One request on a session: its status, its text, its version of the client's certificate.
function ask(session, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const stream = session.request({ ':path': path, ':method': method, ...headers });
    let status, text = '', bytes = 0;
    stream.on('response', (head) => { status = head[':status']; });
    stream.on('data', (piece) => { bytes += piece.length; if (bytes < 1000) text += piece; });
    stream.on('end', () => resolve({ status, text, bytes }));
    stream.on('error', reject);
    stream.end(body);
  });
}

function session(options = {}) {
  return new Promise((resolve, reject) => {
    const made = http2.connect(`https://localhost:${port}`, { ca, ...options });
    made.on('error', reject);
    made.on('connect', () => resolve(made));
  });
}

async function overHttp2() {
  const plain = await session();
  const many = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(plain, `/?${n}`)));
  many.forEach((answer) => assert.deepStrictEqual([answer.status, answer.text], [200, 'NONE\n']));
  const body = Buffer.alloc(3_000_000, 'x');
  const uploads = await Promise.all([1, 2, 3].map((n) => ask(plain, '/behind', body.subarray(0, n * 900_000))));
  uploads.forEach((answer, n) => assert.strictEqual(answer.text, `length=${(n + 1) * 900_000}\n`));
  assert.strictEqual((await ask(plain, '/large')).bytes, 3_000_000);
  // A stream that is broken off leaves the others alone.
  const broken = plain.request({ ':path': '/large' });
  broken.on('error', () => {});
  await new Promise((resolve) => broken.once('data', resolve));
  broken.close(http2.constants.NGHTTP2_CANCEL);
  assert.strictEqual((await ask(plain, '/missing')).status, 404);
  await new Promise((resolve, reject) => plain.ping((error) => (error ? reject(error) : resolve())));
  plain.close();
  const shown = await session(own);
  assert.strictEqual((await ask(shown, '/')).text, 'SUCCESS\n');
  shown.close();
}

function overHttp1() {
  return new Promise((resolve, reject) => {
    https.get({ port, ca, host: 'localhost', ...own, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(assert.strictEqual(text, 'SUCCESS\n')));
    }).on('error', reject);
  });
}

overHttp2().then(overHttp1).then(() => console.log('ok'));

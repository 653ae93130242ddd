//! What tests with clients of TLS share: a directory with certificates, a server with them, and commands run there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::proxy::Proxy;

/// Makes a directory of its own for a test.
///
/// # Panics
/// It cannot be made.
pub fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("tls-clients-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Runs a line of the shell there; gives what it prints on either channel.
///
/// # Panics
/// There is no shell.
pub fn shell(directory: &Path, line: &str) -> String {
    let output =
        Command::new("sh").args(["-c", line]).current_dir(directory).stdin(Stdio::null()).output().expect("sh");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// An authority, and a certificate of it for `localhost` that names a responder on a port.
///
/// # Panics
/// openssl fails.
pub fn certificates(directory: &Path, responder: u16) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let extensions = format!(
        "subjectAltName=DNS:localhost\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:{responder}\nkeyUsage=digitalSignature"
    );
    std::fs::write(directory.join("ext"), extensions).expect("written");
    let said = shell(
        directory,
        &format!(
            "openssl req -x509 {key} -days 9 -subj /CN=authority -keyout ca.key -out ca.pem && \
             openssl req {key} -subj /CN=localhost -keyout key.pem -out csr.pem && \
             openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -set_serial 0x1000 -days 9 -extfile ext -out own.pem && \
             cat own.pem ca.pem > cert.pem && head -c 50000000 /dev/zero > large && echo made"
        ),
    );
    assert!(said.contains("made\n"), "{said}");
}

/// Where a server listens: with TLS and HTTP/2, and without.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// With TLS.
    pub secure: u16,
    /// Without.
    pub plain: u16,
}

/// Starts `command` as a server with the certificates of a directory; `secure` and `plain` are what its two servers hold beside them.
/// The log format `said` holds a request's arguments.
pub fn serve(command: Command, directory: &Path, ports: Ports, secure: &str, plain: &str) -> Proxy {
    let (dir, Ports { secure: port, plain: behind }) = (directory.display(), ports);
    let conf = format!(
        r#"daemon off; pid {dir}/pid; error_log {dir}/error.log info; worker_processes 1;
user root;
events {{}}
http {{
    log_format said $args;
    access_log off; client_max_body_size 0; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
        ssl_verify_client optional; ssl_client_certificate {dir}/ca.pem;
        {secure}
    }}
    server {{
        listen 127.0.0.1:{behind};
        {plain}
    }}
}}"#
    );
    Proxy::start(command, directory, &conf, behind)
}

/// What is ended with the test.
#[derive(Debug)]
pub struct Ends(pub Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! Memory that goes from one request of a thread to the next, so that a request in steady state allocates little. What
//! has grown beyond the ordinary is given back to the system instead.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::http::fields::Fields;
use super::request::{RequestCtx, RequestHead, Shared, UpstreamRecord};
use super::response::ResponseHead;

/// How many of each kind a thread keeps: what some hundreds of requests at a time need, two megabytes at most.
const KEPT: usize = 512;
/// The largest buffer that is kept, bytes.
const LARGEST: usize = 16 * 1024;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Vec<Memory>> = const { RefCell::new(Vec::new()) };
}

/// A small buffer that is lent for one answer.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// An empty one; a new one has room for a small head, so that many that wait hold little.
    pub fn take() -> Buffer {
        Buffer(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(256)))
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Buffer::take()
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        let capacity = buffer.capacity();
        BUFFERS.with_borrow_mut(|free| {
            if capacity > 0 && capacity <= LARGEST && free.len() < KEPT {
                free.push(buffer);
            }
        });
    }
}

/// What a request's context keeps its bytes in.
#[derive(Debug, Default)]
pub struct Memory {
    /// `cx.head`
    pub head: Box<RequestHead>,
    /// `cx.method`
    pub method: Vec<u8>,
    /// `cx.uri`
    pub uri: Vec<u8>,
    /// `cx.args`
    pub args: Vec<u8>,
    /// `cx.host`
    pub host: Vec<u8>,
    /// `cx.out`
    pub out: Box<ResponseHead>,
    /// `cx.upstream`
    pub upstream: Vec<UpstreamRecord>,
    /// `cx.upstream_fields`
    pub upstream_fields: Fields,
    /// `cx.upstream_url`
    pub upstream_url: Vec<u8>,
    /// `cx.shared`
    pub shared: Rc<Shared>,
}

impl Memory {
    /// An earlier request's memory, empty.
    pub fn take() -> Memory {
        REQUESTS.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    /// Takes back what a request needs no more.
    pub fn give_back(cx: Box<RequestCtx>) {
        let RequestCtx { head, out, method, uri, args, host, upstream, upstream_fields, upstream_url, shared, .. } =
            *cx;
        let mut memory = Memory { head, method, uri, args, host, out, upstream, upstream_fields, upstream_url, shared };
        memory.clear();
        REQUESTS.with_borrow_mut(|free| {
            if memory.size() <= LARGEST && free.len() < KEPT {
                free.push(memory);
            }
        });
    }

    fn clear(&mut self) {
        self.head.clear();
        self.out.clear();
        self.method.clear();
        self.uri.clear();
        self.args.clear();
        self.host.clear();
        self.upstream.clear();
        self.upstream_fields.clear();
        self.upstream_url.clear();
        // Another one is that of a request that is still at work.
        match Rc::strong_count(&self.shared) {
            1 => self.shared.clear(),
            _ => self.shared = Rc::default(),
        }
    }

    fn size(&self) -> usize {
        let own = self.uri.capacity() + self.args.capacity() + self.host.capacity() + self.upstream_url.capacity();
        let head = self.head.line.capacity() + self.head.fields.capacity();
        let out = self.out.fields.capacity();
        own + head + out + self.upstream_fields.capacity()
    }
}

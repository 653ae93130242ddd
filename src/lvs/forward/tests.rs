//! The forwarder on loopback and, for what needs rights, in a network namespace of its own.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rkeep_parsers::ir::service::Scheduler;
use tokio::sync::{Semaphore, oneshot, watch};

use super::crew::Crew;
use super::{Forwarder, Shared, Works, listen};
use crate::lvs::pool::Pool;
use crate::lvs::table::{Change, Terms};
use crate::testing::in_namespace;

const TERMS: Terms = Terms { scheduler: Scheduler::RoundRobin, persistence: None, persistence_prefix: None };

/// A virtual server on a loopback port before real servers; it serves until dropped.
struct Bench {
    address: SocketAddr,
    pool: Shared,
    room: Arc<Semaphore>,
    _stop: oneshot::Sender<()>,
}

fn bench(servers: &[SocketAddr], terms: Terms, room: usize) -> Bench {
    let mut pool = Pool::new(&terms).expect("a scheduler of ours");
    servers.iter().for_each(|server| pool.add(*server, 1));
    let pool = Shared(Arc::new(Mutex::new(pool)));
    let (places, room) = (room as u32, Arc::new(Semaphore::new(room)));
    let crew = Arc::new(Crew::start().expect("threads"));
    let works =
        Works { crew, room: room.clone(), places, steering: Arc::default(), closing: watch::Sender::new(false) };
    let (_stop, stopped) = oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let shared = pool.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = listen::direct(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
            let address = listener.get_ref().local_addr().expect("its address");
            tell.send(address).expect("the test waits");
            tokio::select! {
                () = listen::accept(address, &listener, &shared, &works) => {}
                _ = stopped => {}
            }
        });
    });
    Bench { address: told.recv().expect("an address"), pool, room, _stop }
}

/// A real server that does `serve` with each connection.
fn real_server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Says its name and closes.
fn named(name: &'static str) -> SocketAddr {
    real_server(move |mut stream| {
        let _ = stream.write_all(name.as_bytes());
    })
}

/// A port that nobody listens on.
fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

fn ask(address: SocketAddr) -> String {
    let mut answer = String::new();
    connect(address).read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn connections_take_turns() {
    let bench = bench(&[named("a"), named("b")], TERMS, 64);
    let answers: String = (0..6).map(|_| ask(bench.address)).collect();
    assert_eq!(answers, "bababa");
}

#[test]
fn a_client_stays_with_its_server() {
    let terms = Terms { persistence: Some(Duration::from_secs(50)), ..TERMS };
    let bench = bench(&[named("a"), named("b")], terms, 64);
    let answers: String = (0..6).map(|_| ask(bench.address)).collect();
    assert_eq!(answers, "bbbbbb");
}

#[test]
fn a_server_that_cannot_be_reached_costs_no_connection() {
    let bench = bench(&[named("a"), dead()], TERMS, 64);
    let answers: String = (0..4).map(|_| ask(bench.address)).collect();
    assert_eq!(answers, "aaaa");
}

#[test]
fn without_any_server_a_connection_is_reset() {
    let bench = bench(&[dead()], TERMS, 64);
    let result = connect(bench.address).read(&mut [0]);
    assert_eq!(result.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn either_side_may_finish_first() {
    let bench = bench(
        &[real_server(|mut stream| {
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said);
            let _ = stream.write_all(said.to_uppercase().as_bytes());
        })],
        TERMS,
        64,
    );
    let mut stream = connect(bench.address);
    stream.write_all(b"half a close").expect("it takes bytes");
    stream.shutdown(Shutdown::Write).expect("half a close");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer after it");
    assert_eq!(answer, "HALF A CLOSE");
}

#[test]
fn a_server_that_breaks_off_is_passed_on_as_a_reset() {
    let bench = bench(
        &[real_server(|stream| {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        })],
        TERMS,
        64,
    );
    let result = connect(bench.address).read(&mut [0]);
    assert_eq!(result.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn open_connections_outlive_the_removal_of_their_server() {
    let server = real_server(|mut stream| {
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
    });
    let bench = bench(&[server], TERMS, 64);
    let mut stream = connect(bench.address);
    let mut echo = |byte: u8| {
        stream.write_all(&[byte]).expect("it takes a byte");
        let mut back = [0];
        stream.read_exact(&mut back).expect("it gives it back");
        back[0]
    };
    assert_eq!(echo(1), 1);
    bench.pool.lock().remove(server);
    assert_eq!(echo(2), 2);
    let result = connect(bench.address).read(&mut [0]);
    assert!(result.is_err(), "nothing new goes there");
}

/// This process's memory in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_gigabyte_passes_each_way_in_constant_memory() {
    const TOTAL: u64 = 1 << 30;
    const CHUNK: usize = 1 << 20;
    fn send(stream: &mut TcpStream) {
        let chunk: Vec<u8> = (0..CHUNK).map(|at| (at % 251) as u8).collect();
        (0..TOTAL / CHUNK as u64).for_each(|_| stream.write_all(&chunk).expect("it takes bytes"));
        stream.shutdown(Shutdown::Write).expect("half a close");
    }
    fn receive(stream: &mut TcpStream) -> u64 {
        let (mut got, mut chunk) = (0, vec![0; CHUNK]);
        loop {
            let n = stream.read(&mut chunk).expect("it gives bytes");
            if n == 0 {
                return got;
            }
            let right = chunk[..n]
                .iter()
                .enumerate()
                .step_by(4093)
                .all(|(at, byte)| u64::from(*byte) == (got + at as u64) % CHUNK as u64 % 251);
            assert!(right, "bytes arrive in order");
            got += n as u64;
        }
    }
    fn both_ways(stream: TcpStream) -> u64 {
        let mut half = stream.try_clone().expect("a second handle");
        let sender = thread::spawn(move || send(&mut half));
        let got = receive(&mut { stream });
        sender.join().expect("no panic");
        got
    }
    let bench = bench(&[real_server(|stream| assert_eq!(both_ways(stream), TOTAL))], TERMS, 64);
    let before = resident();
    assert_eq!(both_ways(connect(bench.address)), TOTAL);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 10, "memory grew by {grown} kB");
}

#[test]
fn more_connections_than_there_is_room_for_wait() {
    let server = real_server(|mut stream| {
        let _ = stream.write_all(b"!");
        let _ = stream.read(&mut [0]);
    });
    let bench = bench(&[server], TERMS, 1);
    let mut first = connect(bench.address);
    first.read_exact(&mut [0]).expect("the first is served");
    let mut second = connect(bench.address);
    second.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    assert!(second.read_exact(&mut [0]).is_err(), "the second waits");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    second.read_exact(&mut [0]).expect("and is served");
    assert_eq!(bench.room.available_permits(), 0);
}

#[test]
fn an_address_that_this_box_lacks_can_be_listened_on() {
    // 192.0.2.0/24 is for documentation (RFC 5737): no box has it.
    assert!(in_runtime(|| listen::direct(([192, 0, 2, 1], 0).into())).is_ok());
    assert!(in_runtime(|| listen::direct((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 0).into())).is_ok());
}

#[test]
fn a_port_that_another_holds_alone_is_explained() {
    let other = TcpListener::bind("0.0.0.0:0").expect("a port");
    let service = SocketAddr::from(([127, 0, 0, 1], other.local_addr().expect("its address").port()));
    let error = in_runtime(|| listen::direct(service)).expect_err("it is taken");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(listen::advice(&error, service).contains("addresses other than 127.0.0.1"));
}

fn in_runtime<T>(act: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { act() })
}

#[tokio::test]
async fn steering_stands_beside_a_listener_on_all_addresses() {
    if !in_namespace("lvs::forward::tests::steering_stands_beside_a_listener_on_all_addresses") {
        return;
    }
    steered(([10, 9, 9, 9], 8080).into(), "0.0.0.0:8080", "127.0.0.1:8080").await;
    steered((Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9), 8081).into(), "[::]:8081", "[::1]:8081").await;
}

async fn steered(service: SocketAddr, everywhere: &str, elsewhere: &str) {
    let wildcard = TcpListener::bind(everywhere).expect("the port on all addresses");
    thread::spawn(move || wildcard.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"wildcard"))));
    let mut forwarder = Forwarder::default();
    forwarder.apply(Change::AddService(service, TERMS));
    forwarder.apply(Change::AddDestination(service, named("a"), 1));
    let elsewhere: SocketAddr = elsewhere.parse().expect("an address");
    let ask = |address| tokio::task::spawn_blocking(move || ask(address));
    for _ in 0..100 {
        if ask(service).await.expect("no panic") == "a" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ask(service).await.expect("no panic"), "a");
    assert_eq!(ask(elsewhere).await.expect("no panic"), "wildcard");
    forwarder.apply(Change::RemoveService(service));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ask(service).await.expect("no panic"), "wildcard", "the address is free again");
}

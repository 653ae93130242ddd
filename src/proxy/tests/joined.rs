//! Subrequests: what is included, put around, asked and copied.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use super::{Bench, Dir, read_until};

fn page(text: &str) -> String {
    format!("default_type text/html; ssi on; return 200 '{}';", text.replace('\'', "\\'"))
}

#[test]
fn includes_come_in_their_order() {
    let bench = Bench::new(&format!(
        "location = / {{ {} }} location /slow {{ proxy_pass http://SELF/a; limit_rate 20; }}
         location = /a {{ return 200 aaaa; }} location = /b {{ {} }}",
        page("1<!--#include virtual=\"/slow\" -->2<!--#include virtual=\"/b\" -->3<!--#include virtual=\"/a\" -->4"),
        page("[<!--#include virtual=\"/a\" -->]"),
    ));
    assert_eq!(bench.body("/"), "1aaaa2[aaaa]3aaaa4");
}

#[test]
fn commands_of_pages() {
    let dir = Dir::new("commands");
    let bench = Bench::new(&format!(
        "default_type text/html; ssi on; root {}; location = /value {{ return 200 kept; }} location = /none {{ return 404; }}",
        dir.0.display()
    ));
    for (text, body) in [
        (
            "<!--#set var=\"x\" value=\"<v>\" --><!--#echo var=\"x\" -->|<!--#echo var=\"x\" encoding=\"none\" -->",
            "&lt;v&gt;|<v>",
        ),
        ("<!--#echo var=\"none\" -->|<!--#echo var=\"none\" default=\"d\" -->", "(none)|d"),
        ("<!--#if expr=\"$arg_a = 1\" -->A<!--#elif expr=\"$arg_b\" -->B<!--#else -->C<!--#endif -->", "B"),
        (
            "<!--#if expr=\"$arg_b = /^(.)(?P<tail>.*)/\" --><!--#echo var=\"1\" -->-<!--#echo var=\"tail\" --><!--#endif -->",
            "x-yz",
        ),
        ("<!--#include virtual=\"/value\" set=\"v\" -->(<!--#echo var=\"v\" -->)", "(kept)"),
        ("<!--#block name=\"s\" -->stub<!--#endblock --><!--#include virtual=\"/none\" stub=\"s\" -->", "stub"),
        ("<!--#block name=\"s\" -->stub<!--#endblock --><!--#include virtual=\"/value\" stub=\"s\" -->", "kept"),
        ("a<!--#nothing -->b", "a[an error occurred while processing the directive]b"),
        ("a<!--#config errmsg=\"!\" --><!--#include virtual=\"/../x\" -->b", "a!b"),
        ("<!--#if expr=\"\" --><!--#if expr=\"x\" -->1<!--#endif -->2<!--#else -->3<!--#endif -->", "3"),
    ] {
        fs::write(dir.0.join("page.html"), text).expect("written");
        assert_eq!(bench.body("/page.html?b=xyz"), body, "{text}");
    }
}

#[test]
fn a_page_that_includes_itself_ends() {
    let bench = Bench::new(&format!("location / {{ {} }}", page("x<!--#include virtual=\"/\" -->")));
    let body = bench.body("/");
    assert_eq!(body.matches('x').count(), 51, "{body}");
}

#[test]
fn bodies_are_put_around() {
    let bench = Bench::new(
        "default_type text/html; location = / { add_before_body /b; add_after_body /a; return 200 -; }
         location = /b { return 200 before; } location = /a { return 200 after; }",
    );
    let answer = bench.ask("GET / HTTP/1.0\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\nbefore-after"), "{answer}");
    assert!(!answer.contains("Content-Length"), "{answer}");
}

#[test]
fn another_uri_says_who_may_pass() {
    let bench = Bench::new(
        "location /in { auth_request /ask; auth_request_set $who $upstream_http_x_user; set $next /in;
             add_header X-Who $who always; try_files /none /shown; }
         location = /shown { add_header X-Who $who; return 200 in; }
         location = /ask { internal; proxy_pass http://SELF/judge?$args; proxy_pass_request_body off;
             proxy_set_header Content-Length ''; }
         location = /judge { add_header X-User me always; if ($http_x_pass = '') { return 401; } return 204; }",
    );
    let answer = bench.ask("GET /in HTTP/1.0\r\nX-Pass: yes\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("X-Who: me\r\n"), "{answer}");
    let answer = bench.ask("GET /in HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("X-Who: me\r\n"), "{answer}");
}

#[test]
fn a_request_is_mirrored_with_its_body() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = other.local_addr().expect("bound");
    let bench = Bench::new(&format!(
        "location / {{ mirror /copy; proxy_pass http://SELF/ok/; }} location /ok/ {{ return 200 ok; }}
         location = /copy {{ internal; proxy_pass http://{address}$request_uri; }}"
    ));
    // As with nginx, the connection closes once the copy is done.
    let mut client = bench.connect();
    client.write_all(b"POST /x?y HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody").expect("sent");
    read_until(&mut client, "\r\n\r\nok");
    let (mut stream, _) = other.accept().expect("the copy");
    let mut copy = Vec::new();
    while !copy.ends_with(b"body") {
        let mut piece = [0; 1024];
        let got = stream.read(&mut piece).expect("readable");
        assert_ne!(got, 0, "{}", String::from_utf8_lossy(&copy));
        copy.extend_from_slice(&piece[..got]);
    }
    assert!(copy.starts_with(b"POST /x?y HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&copy));
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("sent");
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
}

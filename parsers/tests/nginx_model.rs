//! What becomes of a configuration: the model that the engines read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;

use std::fs;
use std::time::Duration;

use rkeep_parsers::diag::{Diagnostic, Severity};
use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::http::{Handler, Location, Match, Op, ServerName, Target};
use rkeep_parsers::ir::pool::Balancer;
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::nginx::{Layout, Setup};
use rkeep_parsers::source::MapLoader;
use rkeep_parsers::table::value::{HttpVersion, LogTarget, NextUpstream, Number};

fn load(text: &str) -> Loaded {
    let mime = fs::read(cases::testdata().join("article/completed/mime.types")).expect("mime.types");
    let loader = MapLoader::default().file("/t/nginx.conf", text).file("/t/mime.types", mime);
    let loader = loader.host("two.test", &["10.0.0.2".parse().unwrap(), "10.0.0.1".parse().unwrap()]);
    Setup { path: "/t/nginx.conf".into(), prefix: "/p".into(), ..Setup::default() }.load(&loader)
}

fn model(text: &str) -> Ir {
    let loaded = load(text);
    loaded.ir.unwrap_or_else(|| panic!("refused: {:?}", loaded.diagnostics))
}

fn http(inside: &str) -> Ir {
    model(&format!("events {{}}\nhttp {{\n{inside}\n}}\n"))
}

fn article(name: &str) -> Ir {
    model(&fs::read_to_string(cases::testdata().join("article/completed").join(name)).expect("the article's file"))
}

/// The first location of a prefix.
fn location<'i>(ir: &'i Ir, name: &str) -> &'i Location {
    let mut all = ir.locations.values();
    all.find(|location| location.name == name.as_bytes() && location.matched != Match::If).expect("the location")
}

#[test]
fn the_article_s_director() {
    let ir = article("master-nginx.conf");
    let listener = ir.listeners.values().next().expect("a listener");
    assert_eq!(format!("{:?}", listener.address), "Inet(192.168.3.1:80)");
    let pool = ir.pools.values().next().expect("a pool");
    assert_eq!((pool.name.as_str(), pool.explicit, pool.servers.len()), ("real_server_pool", true, 3));
    assert!(matches!(pool.balancer, Balancer::RoundRobin));
    let [first, second, third] = pool.servers.as_slice() else { panic!("three servers") };
    assert_eq!((first.weight, first.max_fails, first.fail_timeout), (1, 2, Duration::from_secs(30)));
    assert!(!first.down && !first.backup && second.down && third.backup);
    let Handler::Proxy(pass) = &location(&ir, "/").handler else { panic!("a proxy") };
    assert!(matches!(pass.target, Target::Pool(id) if ir.pools[id].name == "real_server_pool"));
    assert_eq!((pass.uri.as_deref(), pass.host.as_slice(), pass.port), (None, &b"real_server_pool"[..], 80));
    let conf = &location(&ir, "/").conf;
    let wanted = NextUpstream::HTTP_502
        | NextUpstream::HTTP_504
        | NextUpstream::ERROR
        | NextUpstream::TIMEOUT
        | NextUpstream::INVALID_HEADER;
    assert_eq!(conf.proxy.next_upstream.0, wanted);
    assert_eq!(conf.proxy.set_header.len(), 2);
    assert_eq!(conf.core.default_type, "application/octet-stream");
    assert_eq!(conf.core.types.0.get("css").map(String::as_str), Some("text/css"));
    assert!(conf.core.sendfile);
}

#[test]
fn the_article_s_web_servers() {
    let ir = article("realservers-nginx.conf");
    assert_eq!((ir.servers.len(), ir.listeners.len()), (3, 3));
    let roots = ir.locations.values().filter(|location| location.matched != Match::Server);
    let roots: Vec<_> = roots.map(|location| location.conf.core.root.0.as_text().map(<[u8]>::to_vec)).collect();
    assert_eq!(roots, [Some(b"/p/html/s1".to_vec()), Some(b"/p/html/s2".to_vec()), Some(b"/p/html/s3".to_vec())]);
}

#[test]
fn inner_levels_inherit_and_replace() {
    let ir = http(
        "server { add_header a 1; add_header b 2; root /r; sendfile on;
            location /x { add_header c 3; location /x/y { sendfile off; } }
            location /z { alias /q/; location /z/z { } } }
         gzip on;",
    );
    let (x, y, z) = (location(&ir, "/x"), location(&ir, "/x/y"), location(&ir, "/z/z"));
    assert_eq!(x.conf.headers.add_header.len(), 1);
    assert_eq!(y.conf.headers.add_header.len(), 1);
    assert!(x.conf.core.sendfile && !y.conf.core.sendfile);
    assert!(y.conf.gzip.on, "what stands after the server holds in it too");
    assert!(location(&ir, "/z").conf.core.alias.is_some() && z.conf.core.alias.is_none(), "alias is not inherited");
    assert_eq!(z.conf.core.root.0.as_text(), Some(&b"/r"[..]));
}

#[test]
fn conditions_answer_as_the_location_around_them() {
    let ir = http("server { location /a { proxy_pass http://127.0.0.1:81/b; if ($arg_x = 1) { add_header y 1; } } }");
    let inner = ir.locations.values().find(|location| location.matched == Match::If).expect("the if");
    let Handler::Proxy(pass) = &inner.handler else { panic!("a proxy") };
    assert_eq!((pass.uri.as_deref(), pass.replaced.as_slice()), (Some(&b"/b"[..]), &b"/a"[..]));
    assert_eq!(inner.conf.headers.add_header.len(), 1);
    assert!(matches!(location(&ir, "/a").script.as_slice(), [Op::If { .. }]));
}

#[test]
fn implied_groups_are_shared_and_resolved() {
    let ir = http(
        "server { location /a { proxy_pass http://two.test; } location /b { proxy_pass http://TWO.test:80/x; }
            location /c { proxy_pass http://two.test:81; } }",
    );
    let counts: Vec<_> = ir.pools.values().map(|pool| (pool.name.as_str(), pool.servers[0].addresses.len())).collect();
    assert_eq!(counts, [("two.test", 2), ("two.test:81", 2)]);
}

#[test]
fn names_and_listeners() {
    let ir = http(
        "server { server_name A.com *.b.com .c.com d.*; listen 8080-8081; listen [::1]:90 default_server; }
         server { listen 8081 default_server; server_name e; }",
    );
    let names = &ir.servers.values().next().expect("a server").names;
    assert_eq!(names[0], ServerName::Exact("a.com".to_owned()));
    assert_eq!(names[1], ServerName::Suffix(".b.com".to_owned()));
    assert_eq!(names[2], ServerName::Dot(".c.com".to_owned()));
    assert_eq!(names[3], ServerName::Prefix("d.".to_owned()));
    let shared = ir.listeners.values().nth(1).expect("8081");
    assert_eq!((shared.servers.len(), shared.default.index()), (2, 1));
}

#[test]
fn the_release_chooses_defaults() {
    let text = "upstream u { server 127.0.0.1; } server { location / { proxy_pass http://u; } }";
    let new = http(text);
    assert_eq!(location(&new, "/").conf.proxy.http_version, HttpVersion::Http11);
    let keepalive = &new.pools.values().next().expect("a pool").keepalive;
    assert_eq!((keepalive.connections, keepalive.local), (Some(Number(32)), true));
    let old = http(&format!("  #rkeep: compat nginx=1.22\n{text}"));
    assert_eq!(old.compat.nginx, (1, 22));
    assert_eq!(location(&old, "/").conf.proxy.http_version, HttpVersion::Http10);
    assert_eq!(old.pools.values().next().expect("a pool").keepalive.connections, None);
}

#[test]
fn the_layout_chooses_files() {
    let loader = MapLoader::default().file("/t/nginx.conf", "events {} http { server { } }");
    let setup =
        Setup { path: "/t/nginx.conf".into(), prefix: "/p".into(), layout: Layout::debian(), ..Setup::default() };
    let ir = setup.load(&loader).ir.expect("accepted");
    let main = ir.process.as_ref().expect("the main context");
    assert_eq!(main.core.pid, "/run/nginx.pid");
    let conf = &ir.locations.values().next().expect("a level").conf;
    assert_eq!(conf.core.error_log[0].target, LogTarget::File("/var/log/nginx/error.log".into()));
    assert_eq!(conf.log.access_log.0[0].target, LogTarget::File("/var/log/nginx/access.log".into()));
    assert_eq!(conf.proxy.temp_path.path.to_str(), Some("/var/lib/nginx/proxy"));
}

#[test]
fn maps_look_up_as_nginx_does() {
    let ir = http("map $host $x { hostnames; default d; .a.com 1; *.b.com 2; c.* 3; exact 4; \\default 5; }");
    let map = ir.maps.values().next().expect("the map");
    let value = |text: &str| map.lookup(text.as_bytes()).and_then(|value| value.as_text()).map(<[u8]>::to_vec);
    for (text, expected) in
        [("a.com", "1"), ("x.y.A.com.", "1"), ("x.b.com", "2"), ("c.org", "3"), ("EXACT", "4"), ("default", "5")]
    {
        assert_eq!(value(text), Some(expected.as_bytes().to_vec()), "{text}");
    }
    assert_eq!(value("b.com"), None);
    assert_eq!(map.default.as_text(), Some(&b"d"[..]));
}

fn errors(text: &str) -> Vec<Diagnostic> {
    load(text).diagnostics.into_iter().filter(|found| found.severity == Severity::Error).collect()
}

#[test]
fn all_errors_come_in_one_run_with_advice() {
    let found = errors(
        "events { worker_conections 1; }
         http { server { lsiten 80; location / { root a; listen 80; sendfile yes; xslt_stylesheet x; } }",
    );
    let told: Vec<_> =
        found.iter().map(|found| (found.message.as_str(), found.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(told[0], ("unknown directive \"worker_conections\"", "did you mean \"worker_connections\"?"));
    assert_eq!(told[1], ("unknown directive \"lsiten\"", "did you mean \"listen\"?"));
    assert_eq!(told[2], ("\"listen\" directive is not allowed here", "it belongs in: server"));
    assert!(told[3].0.starts_with("invalid value \"yes\""));
    assert!(told[4].0.starts_with("\"xslt_stylesheet\" directive is not built into rkeep"), "{told:?}");
    assert_eq!(told[5].0, "unexpected end of file, expecting \"}\"");
    assert_eq!(told.len(), 6, "{told:?}");
}

#[test]
fn pragmas_are_known_or_told() {
    let found = errors("events {}\n#rkeep: faster\n# rkeep: no pragma\nhttp { }");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "unknown pragma \"faster\"");
    assert!(load("events {}\n#rkeep: faster\n").ir.is_some(), "nginx would run it");
}

#[test]
fn a_missing_module_is_named_where_it_is_missed() {
    let loaded = load("load_module modules/ngx_http_brotli_filter_module.so;\nevents {}\nhttp { brotli on; }");
    let error = loaded.diagnostics.iter().find(|found| found.severity == Severity::Error).expect("an error");
    assert_eq!(error.message, "unknown directive \"brotli\"");
    let help = "it may belong to ngx_http_brotli_filter_module, which rkeep lacks";
    assert_eq!(error.help.as_deref(), Some(help));
    let unused = load("load_module modules/ngx_http_brotli_filter_module.so;\nevents {}");
    assert!(unused.ir.is_some());
    assert_eq!(unused.diagnostics.len(), 1);
}

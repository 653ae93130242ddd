//! Who may pass: `allow` and `deny`, then `auth_request`, joined as `satisfy` says.

use std::future::Future;
use std::pin::Pin;

use rkeep_parsers::table::value::{Level, Satisfy};

use super::{Step, access, rewrite};
use crate::proxy::request::{RequestCtx, Status};
use crate::proxy::subrequest::{self, Ask};

/// What one guard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not asked here.
    Silent,
    /// The request may pass.
    Pass,
    /// It may not.
    Refuse(Status),
}

/// Asks the guards in their order. What asks for a password outweighs what only forbids.
pub async fn run(cx: &mut RequestCtx) -> Step {
    if cx.is_subrequest() {
        return Step::TryFiles;
    }
    let any = cx.conf().core.satisfy == Satisfy::Any;
    let mut verdict = access::check(cx);
    if cx.conf().auth_request.uri.0.is_some() && goes_on(verdict, any) {
        let before = verdict;
        verdict = match (before, ask(cx).await) {
            (Verdict::Refuse(Status(401)), Verdict::Refuse(Status(403))) => before,
            (_, verdict) => verdict,
        };
    }
    match verdict {
        Verdict::Silent | Verdict::Pass => Step::TryFiles,
        Verdict::Refuse(status) => {
            if status == Status(403) {
                cx.error(Level::Error, format_args!("access forbidden by rule"));
            }
            Step::Fail(status)
        }
    }
}

/// Whether the next guard is asked.
fn goes_on(verdict: Verdict, any: bool) -> bool {
    match verdict {
        Verdict::Silent => true,
        Verdict::Pass => !any,
        Verdict::Refuse(Status(status)) => any && matches!(status, 401 | 403),
    }
}

/// `auth_request`. In a box, for few requests are guarded so.
fn ask(cx: &mut RequestCtx) -> Pin<Box<dyn Future<Output = Verdict> + '_>> {
    Box::pin(async {
        let location = cx.location.clone();
        let conf = &location.ir.conf.auth_request;
        let uri = conf.uri.0.clone().unwrap_or_default().into_bytes();
        let asked = match subrequest::ask(cx, Ask { uri, head_only: true, ..Ask::default() }).await {
            Ok(asked) => asked,
            Err(status) => return Verdict::Refuse(status),
        };
        for set in &conf.set {
            rewrite::assign(cx, set.target, asked.eval(&set.value));
        }
        match asked.out.status {
            200..300 => Verdict::Pass,
            401 => {
                for challenge in asked.out.fields.all(b"WWW-Authenticate") {
                    cx.out.fields.push(b"WWW-Authenticate", challenge);
                }
                Verdict::Refuse(Status(401))
            }
            403 => Verdict::Refuse(Status(403)),
            status => {
                cx.error(Level::Error, format_args!("auth request unexpected status: {status}"));
                Verdict::Refuse(Status(500))
            }
        }
    })
}

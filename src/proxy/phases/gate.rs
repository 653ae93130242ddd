//! Who may pass: `allow` and `deny`, then `auth_basic`, then `auth_request`, joined as `satisfy` says.

use std::future::Future;
use std::pin::Pin;

use rkeep_parsers::table::value::{Level, Satisfy};

use super::{Step, access, auth_basic, rewrite};
use crate::proxy::pause::pause;
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
    if cx.conf().auth_basic.realm.0.is_some() && goes_on(verdict, any) {
        verdict = join(verdict, auth_basic::check(cx), any);
    }
    if cx.conf().auth_request.uri.0.is_some() && goes_on(verdict, any) {
        verdict = join(verdict, ask(cx).await, any);
    }
    match verdict {
        Verdict::Silent => Step::TryFiles,
        Verdict::Pass => {
            if any {
                cx.out.fields.remove(b"WWW-Authenticate");
            }
            Step::TryFiles
        }
        Verdict::Refuse(status) => refuse(cx, status).await,
    }
}

/// What two guards say together. What asks for a password outweighs what only forbids.
fn join(before: Verdict, verdict: Verdict, any: bool) -> Verdict {
    match (before, verdict) {
        (before, Verdict::Silent) => before,
        (Verdict::Refuse(Status(401)), Verdict::Refuse(Status(403))) if any => before,
        (_, verdict) => verdict,
    }
}

/// Refuses; who guesses passwords is made to wait.
async fn refuse(cx: &mut RequestCtx, status: Status) -> Step {
    if status == Status(403) {
        cx.error(Level::Error, format_args!("access forbidden by rule"));
    }
    let delay = cx.conf().core.auth_delay.duration();
    if status != Status(401) || delay.is_zero() {
        return Step::Fail(status);
    }
    match pause(cx, delay).await {
        Ok(()) => Step::Fail(status),
        Err(left) => Step::Fail(left),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_suffices_where_any_does() {
        let (asks, forbids) = (Verdict::Refuse(Status(401)), Verdict::Refuse(Status(403)));
        assert!(!goes_on(forbids, false) && goes_on(forbids, true));
        assert!(goes_on(Verdict::Pass, false) && !goes_on(Verdict::Pass, true));
        assert!(!goes_on(Verdict::Refuse(Status(500)), true));
        assert_eq!(join(forbids, asks, true), asks);
        assert_eq!(join(asks, forbids, true), asks);
        assert_eq!(join(forbids, Verdict::Silent, true), forbids);
        assert_eq!(join(forbids, Verdict::Pass, true), Verdict::Pass);
    }
}

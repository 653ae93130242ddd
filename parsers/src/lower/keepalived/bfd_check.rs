//! `BFD_CHECK`: a real server is up while a session is.

use std::net::SocketAddr;
use std::time::Duration;

use super::service::named;
use super::walk::Walk;
use crate::ir::service::{Check, CheckKind};
use crate::keepalived::number::written;
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::Contexts as C;

/// A `BFD_CHECK` before its virtual server's values are known.
#[derive(Clone)]
pub(super) struct SessionCheck {
    session: String,
    alpha: Option<bool>,
    span: Span,
}

impl SessionCheck {
    /// The check of a real server; `usual` is the virtual server's or real server's `alpha`.
    pub(super) fn made(&self, server: SocketAddr, usual: bool) -> Check {
        Check {
            kind: CheckKind::Bfd(self.session.clone()),
            connect: server,
            bind: None,
            bind_interface: None,
            fwmark: 0,
            timeout: Duration::ZERO,
            retry: 0,
            delay_before_retry: Duration::ZERO,
            delay_loop: Duration::ZERO,
            warmup: Duration::ZERO,
            alpha: self.alpha.unwrap_or(usual),
            log_all_failures: false,
            span: self.span,
        }
    }
}

impl Walk<'_> {
    /// `BFD_CHECK { … }`
    pub(super) fn bfd_check(&mut self, span: Span) {
        self.draft.bfd_check = Default::default();
        self.draft.bfd_check_refused = false;
        self.block(C::K_BFD_CHECK);
        let layer = std::mem::take(&mut self.draft.bfd_check);
        let alpha = written(&layer.alpha).map(|alpha| alpha.0);
        let session = written(&layer.name).and_then(|name| name.0.into_iter().next());
        match session {
            _ if self.draft.bfd_check_refused => {}
            Some(session) => self.draft.session_checks.push(SessionCheck { session, alpha, span }),
            None => {
                let text = format!("({}) No name has been specified for BFD_CHECKER - skipping", self.checked());
                self.general(span, text, "name SESSION");
            }
        }
    }

    /// `name` must be that of a session that checks may ask for.
    pub(super) fn bfd_check_name(&mut self, directive: &Directive) {
        let (text, help) = match &directive.args[..] {
            [name] if self.draft.checkable.contains(&name.lossy().into_owned()) => return,
            [name] => {
                let text = format!("BFD {} not configured", name.lossy());
                (text, "a bfd_instance that stands above, without \"vrrp\" or with \"checker\"")
            }
            _ => ("No or too many names specified - skipping checker".to_owned(), "one name"),
        };
        self.draft.bfd_check_refused = true;
        let text = format!("({}) BFD_CHECK - {text}", self.checked());
        self.general(directive.span, text, help);
    }

    /// `bfd_instance` as the checkers read it: whether they may ask for it.
    pub(super) fn checkable_session(&mut self, args: &[Word]) {
        self.draft.bfd = Default::default();
        self.block(C::K_BFD);
        let (layer, name) = (&self.draft.bfd, args.first().map(|word| word.lossy().into_owned()));
        if layer.checker.is_some() || layer.vrrp.is_none() {
            self.draft.checkable.extend(name);
        }
    }

    /// The real server that is open, as keepalived names it.
    fn checked(&self) -> String {
        let protocol = written(&self.draft.service.protocol).map(|protocol| protocol.0);
        self.draft.real_address.map(|address| named(address, protocol)).unwrap_or_default()
    }
}

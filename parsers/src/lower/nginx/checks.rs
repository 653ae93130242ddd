//! Checks of effective values against each other, made where nginx merges them: at the end of `http`.

use crate::ir::http::Location;
use crate::source::Span;
use crate::table::Cx;

/// The values of one location.
pub(super) fn location(cx: &mut Cx, location: &Location, close: Span) {
    let proxy = &location.conf.proxy;
    let (one, all) = (proxy.buffer_size.0.max(proxy.buffers.size), proxy.buffers.count);
    let busy = proxy.busy_buffers_size.map_or(2 * one, |size| size.0);
    let complaint = if all < 2 {
        "there must be at least 2 \"proxy_buffers\""
    } else if busy < one {
        "\"proxy_busy_buffers_size\" must be equal to or greater than the maximum of the value of \
         \"proxy_buffer_size\" and one of the \"proxy_buffers\""
    } else if busy > u64::from(all - 1) * proxy.buffers.size {
        "\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer"
    } else if proxy.temp_file_write_size.is_some_and(|size| size.0 < one) {
        "\"proxy_temp_file_write_size\" must be equal to or greater than the maximum of the value of \
         \"proxy_buffer_size\" and one of the \"proxy_buffers\""
    } else if proxy.max_temp_file_size.0 != 0 && proxy.max_temp_file_size.0 < one {
        "\"proxy_max_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to or \
         greater than the maximum of the value of \"proxy_buffer_size\" and one of the \"proxy_buffers\""
    } else {
        return;
    };
    cx.emerg("nginx::proxy-buffers", complaint, location.span, close, None);
}

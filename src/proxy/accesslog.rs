//! access.log: a compiled line into a buffered writer.

use std::sync::Arc;

use rkeep_parsers::table::value;

use super::logfile::{LogFiles, Target};
use crate::plan::ProxyPlan;

/// One `access_log`.
#[derive(Debug)]
pub struct AccessLog {
    /// As written.
    pub ir: value::AccessLog,
    /// The index of its format.
    pub format: usize,
    /// Where to; none for a path with variables.
    pub target: Option<Arc<Target>>,
}

impl AccessLog {
    /// Compiles a directive and opens its file.
    ///
    /// # Errors
    /// What cannot be opened.
    pub fn compile(log: &value::AccessLog, plan: &ProxyPlan, logs: &LogFiles) -> Result<AccessLog, String> {
        let format = plan.formats.iter().find(|(_, format)| format.name == log.format);
        let format =
            format.map(|(id, _)| id.index()).ok_or_else(|| format!("unknown log format \"{}\"", log.format))?;
        Ok(AccessLog { ir: log.clone(), format, target: logs.target(&log.target)?.map(Arc::new) })
    }
}

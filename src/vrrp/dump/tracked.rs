//! What is tracked, in the data dump: scripts, files and processes with those that track them.

use std::fmt::{self, Write};

use rkeep_parsers::ir::track::Kind;

use super::super::drive::Speaker;

impl Speaker {
    pub(super) fn tracked(&self, out: &mut String) -> fmt::Result {
        let defined = &self.plan.trackers;
        title(out, "VRRP Scripts", defined.scripts.is_empty())?;
        for script in &defined.scripts {
            let interval = script.interval.as_secs_f64();
            let timeout = if script.timeout == script.interval { 0.0 } else { script.timeout.as_secs_f64() };
            writeln!(out, " VRRP Script = {}\n   Command = {}", script.name, self.command(&script.name))?;
            writeln!(out, "   Interval = {interval} sec\n   Timeout = {timeout} sec")?;
            writeln!(out, "   Weight = {}{}", script.weight.value, reversed(script.weight.reverse))?;
            writeln!(out, "   Rise = {}\n   Fall = {}", script.rise, script.fall)?;
            writeln!(out, "   Status = {}", self.standing(Kind::Script, &script.name))?;
            self.trackers_of(out, Kind::Script, &script.name)?;
        }
        title(out, "VRRP Track files", defined.files.is_empty())?;
        for file in &defined.files {
            writeln!(out, " Track file = {}\n   File = {}", file.name, file.path)?;
            writeln!(out, "   Status = {}", self.standing(Kind::File, &file.name))?;
            writeln!(out, "   Weight = {}{}", file.weight.value, reversed(file.weight.reverse))?;
            self.trackers_of(out, Kind::File, &file.name)?;
        }
        title(out, "VRRP Track processes", defined.processes.is_empty())?;
        for process in &defined.processes {
            writeln!(out, " VRRP Track process = {}\n   Process = {}", process.name, process.command.join(" "))?;
            writeln!(out, "   Min processes = {}", process.quorum)?;
            process.quorum_max.iter().try_for_each(|most| writeln!(out, "   Max processes = {most}"))?;
            let quorum = self.standing(Kind::Process, &process.name) == "GOOD";
            writeln!(out, "   Have quorum = {quorum}")?;
            writeln!(out, "   Weight = {}{}", process.weight.value, reversed(process.weight.reverse))?;
            writeln!(out, "   Terminate delay = {:.6}s", process.terminate_delay.as_secs_f64())?;
            writeln!(out, "   Fork delay = {:.6}s", process.fork_delay.as_secs_f64())?;
            writeln!(out, "   Full command = {}", process.full_command)?;
            self.trackers_of(out, Kind::Process, &process.name)?;
        }
        Ok(())
    }

    fn trackers_of(&self, out: &mut String, kind: Kind, name: &str) -> fmt::Result {
        writeln!(out, "   Tracking instances :")?;
        for router in self.routers() {
            for track in router.tracked(kind).filter(|track| track.name == name) {
                let (value, reverse) = (track.weight.value, reversed(track.weight.reverse));
                writeln!(out, "     {}, weight {value}{reverse}", router.name)?;
            }
        }
        Ok(())
    }
}

fn title(out: &mut String, title: &str, empty: bool) -> fmt::Result {
    if empty { Ok(()) } else { writeln!(out, "------< {title} >------") }
}

fn reversed(reverse: bool) -> &'static str {
    if reverse { " reverse" } else { "" }
}

//! The CPU time that a program has used, with all its processes and threads.

use std::fs;
use std::time::Duration;

/// Of a process and all below it, to the nanosecond. What has ended counts no more.
pub fn used(pid: i32) -> Duration {
    let own: Duration = tasks(pid).iter().map(|task| of_task(pid, *task)).sum();
    own + below(pid).map(used).sum::<Duration>()
}

/// The processes that a process has started.
pub fn below(pid: i32) -> impl Iterator<Item = i32> {
    tasks(pid).into_iter().flat_map(move |task| children(pid, task))
}

fn tasks(pid: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    tasks
        .map(|tasks| tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default()
}

fn children(pid: i32, task: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{task}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn of_task(pid: i32, task: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{task}/schedstat")).unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

//! Makes many requests at once, and says how long it took and how much memory: `fetch WAY URL COUNT CONCURRENCY`.

use std::time::Instant;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::http::{Request, RequestOptions, Retries};
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, way, url, count, concurrency] = words.as_slice() else { panic!("fetch WAY URL COUNT CONCURRENCY") };
    let (count, concurrency): (usize, usize) =
        (count.parse().expect("a count"), concurrency.parse().expect("a number"));
    let settings = Settings::load(&Source { folder: Some("/".into()), config: None }, Environment::of([]))?;
    let shell = Shell::new(ShellOptions::default(), true);
    let context = Context::new(settings, shell.clone());
    let options = RequestOptions { retries: Retries::none(), ..RequestOptions::default() };
    let request = Request::with(&context, options)?;
    let idle_kib = memory_kib("VmRSS:");
    let began = Instant::now();
    let answers = match way.as_str() {
        "threads" => request.fetch_all(vec![url.clone(); count], concurrency)?,
        "async" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(request.fetch_all_async(vec![url.clone(); count], concurrency))?
        }
        other => panic!("there is no way `{other}`"),
    };
    let seconds = began.elapsed().as_secs_f64();
    let good = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 200)).count();
    let (peak_kib, threads) = (memory_kib("VmHWM:"), concurrency);
    shell.line(&format!("{way} {seconds:.3} {good} {peak_kib} {idle_kib} {threads}"))
}

/// A figure of this process, in KiB.
fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok()).unwrap_or_default()
}

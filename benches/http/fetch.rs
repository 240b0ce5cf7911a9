//! Makes many requests at once, and says how long it took and how much memory: `fetch WAY URL COUNT CONCURRENCY`.

use std::time::Instant;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::http::{Request, RequestOptions, Response, Retries};
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
    // as httpx does it here: an answer is looked at and let go
    let is_good = |answer: Result<Response>| answer.is_ok_and(|answer| answer.status() == 200);
    let mut fetches = request.fetch(vec![url.clone(); count], concurrency)?;
    let mut good = 0;
    match way.as_str() {
        "threads" => good = fetches.map(|(_, answer)| usize::from(is_good(answer))).sum(),
        "async" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                while let Some((_, answer)) = fetches.next_async().await {
                    good += usize::from(is_good(answer));
                }
            });
        }
        other => panic!("there is no way `{other}`"),
    };
    let seconds = began.elapsed().as_secs_f64();
    let (peak_kib, threads) = (memory_kib("VmHWM:"), concurrency);
    shell.line(&format!("{way} {seconds:.3} {good} {peak_kib} {idle_kib} {threads}"))
}

/// A figure of this process, in KiB.
fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok()).unwrap_or_default()
}

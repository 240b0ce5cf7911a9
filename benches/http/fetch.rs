//! Makes many requests at once, and says how long it took: `fetch WAY URL COUNT CONCURRENCY`. A call of its own is made for each,
//! by threads or by a tokio program; `fetch` of many URLs is the third way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::http::{Request, RequestOptions, Response, Retries};
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};
use futures_util::stream::{self, StreamExt};

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
    let began = Instant::now();
    // as httpx does it here: an answer is looked at and let go
    let is_good = |answer: Result<Response>| answer.is_ok_and(|answer| answer.status() == 200);
    let good: usize = match way.as_str() {
        "fetch" => {
            let fetches = request.fetch(vec![url.clone(); count], concurrency)?;
            fetches.map(|(_, answer)| usize::from(is_good(answer))).sum()
        }
        "threads" => {
            let left = AtomicUsize::new(count);
            let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            let work = || (0..).take_while(|_| take()).filter(|_| is_good(request.get(url).send())).count();
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..concurrency).map(|_| scope.spawn(work)).collect();
                threads.into_iter().map(|thread| thread.join().expect("an end")).sum()
            })
        }
        "async" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let calls = stream::iter((0..count).map(|_| request.get(url).send_async())).buffer_unordered(concurrency);
            runtime.block_on(
                calls
                    .filter(|answer| std::future::ready(answer.as_ref().is_ok_and(|answer| answer.status() == 200)))
                    .count(),
            )
        }
        other => panic!("there is no way `{other}`"),
    };
    let seconds = began.elapsed().as_secs_f64();
    shell.line(&format!("{way} {seconds:.3} {good}"))
}

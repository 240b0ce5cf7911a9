//! The same requests with reqwest: `reqwest URL COUNT CONCURRENCY`.

use std::time::Instant;

use futures_util::StreamExt;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, count, concurrency] = words.as_slice() else { panic!("reqwest URL COUNT CONCURRENCY") };
    let (count, concurrency): (usize, usize) =
        (count.parse().expect("a count"), concurrency.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let good = runtime.block_on(async {
        // cookies and unpacking, as dc has them
        let client = reqwest::Client::builder().cookie_store(true).build().expect("a client");
        let one = || async {
            let answer = client.get(url).send().await.ok()?;
            let status = answer.status();
            answer.bytes().await.ok().filter(|_| status == 200)
        };
        let answers = futures_util::stream::iter((0..count).map(|_| one())).buffer_unordered(concurrency);
        answers.filter(|answer| std::future::ready(answer.is_some())).count().await
    });
    println!("reqwest {:.3} {good}", began.elapsed().as_secs_f64());
}

//! A worker with one actor that does nothing, for benches/documents/dramatiq.sh: it works until its input ends.
//!
//!   actors QUEUE [THREADS]     with DC_BROKER_URL and DC_DB_MAIN_URL

use std::error::Error;
use std::io::Read;

use data_collector::context::Context;
use data_collector::dramatiq::{ActorOptions, Actors, Call, Worker, WorkerOptions};
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};
use data_collector::tables::{Missing, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let queue = arguments.next().ok_or("actors QUEUE [THREADS]")?;
    let threads = arguments.next().map_or(Ok(8), |threads| threads.parse())?;
    let settings = Settings::load(&Source { folder: Some(".".into()), config: None }, Environment::process())?;
    let context = Context::new(settings, Shell::new(ShellOptions::default(), true));
    Store::open(&context, Missing::Create)?.migrate()?;
    let actors = Actors::new().actor_with("nothing", ActorOptions::on(&queue), |_: &Call<'_>, (_,): (u64,)| Ok(()));
    let worker = Worker::start(&context, actors, &WorkerOptions { threads, ..WorkerOptions::default() })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    worker.stop();
    Ok(())
}

//! Works a pipeline off whose stages do nothing, as a program that embeds the library does: `stages PROJECT PIPELINE`.

use std::time::Instant;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::pipeline::{Output, WorkOptions, Workers, work};
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, project, app] = words.as_slice() else { panic!("stages PROJECT PIPELINE") };
    let source = Source { folder: Some(project.into()), config: None };
    let settings = Settings::load(&source, Environment::process())?;
    let context = Context::new(settings, Shell::new(ShellOptions::default(), true));
    let workers = Workers::default().worker("nothing", |_| Ok(Output::Same));
    let began = Instant::now();
    let report = work(&context, &WorkOptions { app: app.clone(), stay: false }, &workers)?;
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim();
    println!("{{\"done\":{},\"seconds\":{:.3},\"peak\":\"{peak}\"}}", report.done, began.elapsed().as_secs_f64());
    Ok(())
}

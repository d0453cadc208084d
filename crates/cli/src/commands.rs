//! The commands: `report`, `watch`, `serve`, `trace`, `weights`, `convert`, `link`, `open`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};
use futures::executor::block_on;
use report::{Analysis, Distances, LinkOptions, Parts, Settings};
use trace::GateDtype;

#[cfg(feature = "gpu")]
use crate::graphics::Graphics;
use crate::{
    analyse::analyse,
    change::StepPair,
    checkpoints::{self, Backend},
    convert,
    error::Error,
    gates_only,
    load::{FileOptions, Map, open_all},
    settings::SettingFlags,
    text::{paragraphs, read, write},
    threads::Threads,
    watch::{self, EventCommand, PageOptions, WatchOptions},
    weights,
};

/// Analyzes the routing of mixture-of-experts models during training: reads router traces and
/// writes reports.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// How a run is analyzed.
#[derive(Debug, Args)]
struct AnalysisOptions {
    /// Settings as JSON; missing settings have their defaults.
    #[arg(long)]
    settings: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
    /// Title of the run.
    #[arg(long, default_value = "")]
    title: String,
}

impl AnalysisOptions {
    /// The settings of the file and the flags, which override it, and the title.
    fn read(self) -> Result<(Settings, String), Error> {
        let mut settings = self.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
        self.flags.apply(&mut settings)?;
        Ok((settings, self.title))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyze traces and results, write a report and print its verdict.
    Report {
        /// Traces (one per checkpoint), run.json and embeddings, or folders or archives (zip, tar,
        /// gz, zst) of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Mapping for tensors with other names: a JSON file, or `auto` for the proposed mapping.
        #[arg(long)]
        map: Option<PathBuf>,
        #[command(flatten)]
        analysis: AnalysisOptions,
        /// Report to write, as JSON.
        #[arg(short, long)]
        output: PathBuf,
        /// HTML file to write: the report for any browser, without scripts.
        #[arg(long)]
        html: Option<PathBuf>,
        /// Folder for the tables as CSV.
        #[arg(long)]
        csv: Option<PathBuf>,
        /// Also compare the pathway distances of two checkpoints, given by their training steps. Can
        /// be repeated.
        #[arg(long, value_name = "FROM:TO")]
        change: Vec<StepPair>,
        /// Experts per layer, for files of expert ids without this number.
        #[arg(long)]
        experts: Option<usize>,
        /// Layers, dense ones included, for arrays of expert ids without a shape.
        #[arg(long)]
        layers: Option<usize>,
        /// Experts per token, for arrays of expert ids without a shape.
        #[arg(long)]
        top_k: Option<usize>,
        /// Backend for distances. A GPU requires a build with `--features gpu`, which uses the
        /// faster backend by default.
        #[arg(long, value_enum)]
        backend: Option<Backend>,
    },
    /// Follow a folder into which a training writes traces: prints a line for every checkpoint, writes
    /// report.json, and shows the run in the page, which is served to this machine only.
    Watch {
        /// Folder of the traces.
        folder: PathBuf,
        #[command(flatten)]
        analysis: AnalysisOptions,
        /// Report to write, as JSON. By default report.json in the folder.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Seconds between two looks at the folder.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
        /// Analyze what is there, and end.
        #[arg(long)]
        once: bool,
        /// Program to run for each event, with its arguments; it gets the event as JSON on its standard
        /// input. It is split at spaces (double quotes keep them) and run without a shell.
        #[arg(long, value_name = "COMMAND")]
        on_event: Option<EventCommand>,
        /// Seconds after which this program is stopped.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
        on_event_timeout: u64,
        /// Replay the run checkpoint by checkpoint, print what would have been said when, and end. No
        /// file is written.
        #[arg(long, conflicts_with_all = ["once", "on_event", "output"])]
        backtest: bool,
        #[command(flatten)]
        page: PageOptions,
    },
    /// Serve the page to this machine, for instance where there is no network.
    Serve {
        #[command(flatten)]
        page: PageOptions,
    },
    /// Run OLMoE checkpoints on samples: writes one trace per checkpoint, and run.json with
    /// benchmark results.
    Trace {
        /// Checkpoint folder (config.json and safetensors shards), or a folder of such folders.
        #[arg(long, required = true, num_args = 1..)]
        checkpoint: Vec<PathBuf>,
        /// Samples as JSON lines: `id`, `domain`, `input_ids` or `text`, and `targets` if not every
        /// next token counts; or a text file (.txt) with one sample per line.
        #[arg(long, required_unless_present = "gate_inputs")]
        samples: Option<PathBuf>,
        /// Benchmark items as JSON lines: `id`, `domain`, `input_ids` or `text`, and `answer_ids`
        /// or `answer`, or `choices_ids` or `choices` and `gold`. Text needs a tokenizer.json in
        /// the checkpoint folder or a parent folder.
        #[arg(long)]
        items: Option<PathBuf>,
        /// Inputs of the routers instead of samples, so that only the routers are read and
        /// computed. A safetensors or npz file with `gate_inputs.0`, `gate_inputs.1`, … [tokens,
        /// hidden size] and `offsets` [samples + 1]; or a folder of them, named by step
        /// (`step-5000.safetensors`).
        #[arg(long, conflicts_with_all = ["samples", "items"])]
        gate_inputs: Option<PathBuf>,
        /// Backend. A GPU (Vulkan, Metal or DirectX 12) requires a build with `--features gpu`.
        #[arg(long, value_enum, default_value_t = Backend::Cpu)]
        backend: Backend,
        /// Folder for the traces.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Measure the router weights of checkpoints, without samples. Reads only headers and router
    /// matrices.
    Weights {
        /// Checkpoint folder (safetensors shards), or a folder of such folders.
        #[arg(long, required = true, num_args = 1..)]
        checkpoint: Vec<PathBuf>,
        /// File to write: JSON if the name ends in .json, else CSV. By default, CSV is printed.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Convert traces of any supported format to Grokscope traces, one per checkpoint.
    Convert {
        /// Traces, or folders or archives (zip, tar, gz, zst) of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Mapping for tensors with other names: a JSON file, or `auto` for the proposed mapping.
        #[arg(long)]
        map: Option<PathBuf>,
        /// Store gates in 16 bits: half the size, but single pathways may change.
        #[arg(long)]
        f16: bool,
        /// Folder for the traces.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Encode a report as a link and print it.
    Link {
        /// Report as JSON.
        report: PathBuf,
        /// Include the figures of single layers.
        #[arg(long)]
        layers: bool,
        /// Include the other thresholds.
        #[arg(long)]
        sweep: bool,
        /// Include the title.
        #[arg(long)]
        title: bool,
        /// Address of the page, printed before the link.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Decode a link and write its report.
    Open {
        /// Link, or its part from `#r=` on.
        link: String,
        /// Report to write, as JSON.
        #[arg(short, long)]
        output: PathBuf,
    },
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.command {
        Command::Report {
            paths,
            map,
            analysis,
            output,
            html,
            csv,
            change,
            experts,
            layers,
            top_k,
            backend,
        } => {
            let file_options = FileOptions {
                map: map.as_deref().map(Map::read_from).transpose()?,
                ids: trace::IdsSettings { experts, layers, top_k },
            };
            let (settings, title) = analysis.read()?;
            let distances = distances_on(backend)?;
            let report = block_on(async {
                let mut parts = open_all(&paths, &file_options).await?;
                let analysis = Analysis::new();
                analyse(&analysis, &mut parts, &settings, &title, &change, &*distances, &mut BTreeSet::new())
                    .await
            })?;
            write(&output, &report::export::json(&report))?;
            if let Some(path) = html {
                write(&path, &figures::html(&report))?;
            }
            if let Some(folder) = csv {
                fs::create_dir_all(&folder).map_err(|source| Error::File { path: folder.clone(), source })?;
                for (name, text) in report::export::csv_tables(&report) {
                    write(&folder.join(name), &text)?;
                }
            }
            for note in &report.notes {
                eprintln!("note: {}", note.text);
            }
            print!("{}", paragraphs(&figures::verdict(&report)));
            print!("{}", paragraphs(&figures::requested_changes(&report)));
            Ok(())
        }
        Command::Watch {
            folder,
            analysis,
            output,
            every,
            once,
            on_event,
            on_event_timeout,
            backtest,
            page,
        } => {
            let (settings, title) = analysis.read()?;
            let output = output.unwrap_or_else(|| folder.join("report.json"));
            let distances = distances_on(None)?;
            let options = WatchOptions {
                folder,
                settings,
                title,
                output,
                every,
                once,
                on_event,
                on_event_timeout,
                page,
            };
            if backtest {
                block_on(watch::backtest(&options, &*distances))
            } else {
                block_on(watch::watch(&options, &*distances))
            }
        }
        Command::Serve { page } => watch::serve(&page),
        Command::Trace { checkpoint, samples, items, gate_inputs, backend, output } => {
            match (gate_inputs, samples) {
                (Some(inputs), _) => block_on(gates_only::trace_all(&checkpoint, &inputs, backend, &output)),
                (None, Some(samples)) => block_on(checkpoints::trace_all(
                    &checkpoint,
                    &samples,
                    items.as_deref(),
                    backend,
                    &output,
                )),
                // The arguments require one of the two.
                (None, None) => Ok(()),
            }
        }
        Command::Weights { checkpoint, output } => {
            block_on(weights::measure_all(&checkpoint, output.as_deref()))
        }
        Command::Convert { paths, map, f16, output } => {
            let map = map.as_deref().map(Map::read_from).transpose()?;
            let file_options = FileOptions { map, ids: trace::IdsSettings::default() };
            let gates = if f16 { GateDtype::F16 } else { GateDtype::F32 };
            block_on(convert::convert_all(&paths, &file_options, gates, &output))
        }
        Command::Link { report, layers, sweep, title, page } => {
            let report = report::export::parse_json(&read(&report)?)?;
            let usual = LinkOptions::default();
            let options =
                LinkOptions { parts: Parts { per_layer: layers, sweep, title, ..usual.parts }, ..usual };
            println!("{page}{}", figures::share(&report, &options)?.text);
            Ok(())
        }
        Command::Open { link, output } => {
            write(&output, &report::export::json(&report::link::decode(&link)?))
        }
    }
}

/// Opens the distance backend.
fn distances_on(backend: Option<Backend>) -> Result<Box<dyn Distances>, Error> {
    match backend {
        Some(Backend::Cpu) => Ok(Box::new(Threads)),
        #[cfg(feature = "gpu")]
        Some(Backend::Gpu) => Ok(Box::new(block_on(Graphics::new(true))?)),
        #[cfg(feature = "gpu")]
        None => Ok(match block_on(Graphics::new(false)) {
            Ok(graphics) => Box::new(graphics),
            Err(_) => Box::new(Threads),
        }),
        #[cfg(not(feature = "gpu"))]
        Some(Backend::Gpu) => Err(Error::NoGpu),
        #[cfg(not(feature = "gpu"))]
        None => Ok(Box::new(Threads)),
    }
}

fn read_settings(path: &Path) -> Result<Settings, Error> {
    serde_json::from_str(&read(path)?).map_err(|source| Error::Settings { path: path.into(), source })
}

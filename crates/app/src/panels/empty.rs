//! The empty page: purpose, drop zone, supported files, trace format.

use leptos::prelude::*;

use crate::browser;
use crate::files;
use crate::panels::errors::Errors;
use crate::panels::kept::{Continue, KeepSwitch};
use crate::state::{App, Dialog};

/// Python lines that write a trace; the text below them explains the variables.
const SNIPPET: &str = include_str!("../snippet.py");

/// The page before any file is opened.
#[component]
pub fn Empty() -> impl IntoView {
    let app = App::get();
    view! {
        <main id="main" class="page empty" tabindex="-1">
            <section class="first" aria-labelledby="headline">
                <h1 id="headline">"See when a mixture-of-experts model stops memorizing and starts to generalize"</h1>
                <Errors/>
                <Continue/>
                <div class="drop-zone" data-testid="drop-zone">
                    <p class="drop-word">"Drop router traces or OLMoE checkpoints"</p>
                    <p>"Traces: one file per checkpoint or a folder of them, with benchmark results if you have any."</p>
                    <p>"Checkpoints: their folders and the samples to run. The model runs in this browser, on the GPU or CPU."</p>
                    <div class="open-buttons">
                        <button type="button" class="primary" data-testid="open-example" on:click=move |_| files::open_example(app)>
                            "Open the example run "<kbd>"e"</kbd>
                        </button>
                        <button type="button" on:click=|_| browser::click("#file-input")>"Choose files "<kbd>"o"</kbd></button>
                        <button type="button" on:click=|_| browser::click("#folder-input")>"Choose folder"</button>
                        <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Address))>"Load from URL"</button>
                    </div>
                    <p class="soft">
                        "The example is a small OLMoE model that groks. "
                        <a href="./example.html" target="_blank">"About this run"</a>
                    </p>
                </div>
                <p class="privacy">"Files stay on this machine. The page requests only its own files and the URLs that you enter or confirm."</p>
                <KeepSwitch/>
            </section>
            <section class="prose" aria-labelledby="reads">
                <h2 id="reads">"Supported files"</h2>
                <dl class="pairs">
                    {trace::supported().into_iter().map(|entry| view! {
                        <dt>{entry.name}</dt><dd>{with_code(entry.form)}</dd>
                    }).collect_view()}
                    <dt>"OLMoE checkpoints"</dt><dd>"folders with "<code>"config.json"</code>" and safetensors shards, as transformers saves them"</dd>
                    <dt>"Reports"</dt><dd>"JSON exports of Grokscope, or links"</dd>
                </dl>
                <h2>"What a trace is"</h2>
                <p>
                    "A trace holds the mean router probabilities (gates) of each sample in every layer at one checkpoint, and the sample’s loss. \
                     From the traces of two or more checkpoints the page computes pathways, their distance and consistency, and when each sample was memorized."
                </p>
                <pre tabindex="0" aria-label="Python code that writes a trace"><code>{SNIPPET}</code></pre>
                <p class="soft">
                    <code>"router_logits"</code>" holds one "<code>"[tokens, experts]"</code>" tensor per sample and layer; "
                    <code>"loss"</code>" is the mean over a sample’s tokens, in nats; "<code>"samples"</code>" is a list of "
                    <code>"{\"id\", \"domain\"}"</code>". For routers that score by sigmoid (DeepSeek-V3, GLM-4.5), use "
                    <code>"s / s.sum(-1, keepdim=True)"</code>" with "<code>"s = z.float().sigmoid()"</code>" and "
                    <code>"sigmoid-normalized-mean"</code>". With NumPy, call "
                    <code>"numpy.ascontiguousarray"</code>" on every array before saving."
                </p>
                <h2>"The paper"</h2>
                <p>
                    "Li, Fan and Zhou, “Grokking in LLM Pretraining? Monitor Memorization-to-Generalization without Test”, "
                    <a href="https://arxiv.org/abs/2506.21551" rel="noreferrer">"arXiv 2506.21551"</a>"."
                </p>
            </section>
        </main>
    }
}

/// Text in which code is in backticks.
fn with_code(text: &'static str) -> impl IntoView {
    let parts = text.split('`').enumerate();
    parts
        .map(
            |(at, part)| if at % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() },
        )
        .collect_view()
}

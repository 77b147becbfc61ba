//! The jobs: everything that can be asked of this library as plain data, with the schema of each request.

use langevin_process::{Error, Result, folded, nearest};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bench::networks::MeasureNetworkRequest;
use crate::bench::restoration::CompareRestorersRequest;
use crate::bench::samplers::CompareSamplersRequest;
use crate::conversion::ConvertRequest;
use crate::evaluation::EvalRequest;
use crate::evaluation::likelihood::LikelihoodRequest;
use crate::explain::ExplainRequest;
use crate::inspection::InspectRequest;
use crate::training::TrainRequest;
use crate::training::distilling::DistillRequest;
use crate::training::post_hoc_ema::EmaRequest;
use langevin_inference::denoising::DenoiseRequest;
use langevin_inference::forward::ForwardRequest;
use langevin_inference::job::request_from_json;
use langevin_inference::restoration::RestoreRequest;
use langevin_inference::sampling::{InvertRequest, SampleRequest};

/// A job: what users type, what it does, and what it is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// What users type: the command of the same name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The JSON Schema of its request.
    pub schema: fn() -> Value,
    /// Reads a request, and gives it back with its defaults.
    pub complete: fn(&str) -> Result<Value>,
}

/// All jobs, in the order they are listed. A new one is a line here.
pub const JOBS: &[Job] = &[
    job::<SampleRequest>("sample", "generate images with a model"),
    job::<InvertRequest>("invert", "find the noise from which a model generates given images"),
    job::<DenoiseRequest>("denoise", "denoise images of any size"),
    job::<RestoreRequest>("restore", "restore, inpaint, upscale, deblur or edit images"),
    job::<TrainRequest>("train", "train a model on a data set"),
    job::<DistillRequest>("distill", "distil a model to few sampling steps"),
    job::<EmaRequest>("ema", "build a post-hoc EMA of a run's weights"),
    job::<EvalRequest>("eval", "judge the images of a model, or a set of images, by a data set"),
    job::<LikelihoodRequest>(
        "likelihood",
        "compute the likelihood of a data set under a model, in bits per dimension",
    ),
    job::<ForwardRequest>("noise", "show what a diffusion does to an image"),
    job::<ExplainRequest>("explain", "compute the figures of the tutorial, with their checks"),
    job::<InspectRequest>("inspect", "find out what a model, run, image or data set is"),
    job::<CompareSamplersRequest>(
        "bench-samplers",
        "compare samplers on a model, and write the best into its file",
    ),
    job::<CompareRestorersRequest>(
        "bench-restore",
        "compare methods of restoration on a model and a data set",
    ),
    job::<MeasureNetworkRequest>("bench", "measure the speed of a model or preset"),
    job::<ConvertRequest>("convert", "turn a model into a single file, or a folder of diffusers"),
];

/// The job called `name`, asked with an `R`.
const fn job<R: JsonSchema + Serialize + DeserializeOwned>(name: &'static str, summary: &'static str) -> Job {
    Job { name, summary, schema: schema::<R>, complete: complete::<R> }
}

fn schema<R: JsonSchema>() -> Value {
    let mut schema = schema_for!(R).to_value();
    unwrap_lines(&mut schema);
    schema
}

/// Joins the lines that descriptions are broken into where they are written.
fn unwrap_lines(schema: &mut Value) {
    match schema {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| match value {
            Value::String(text) if key == "description" => *text = text.replace('\n', " "),
            other => unwrap_lines(other),
        }),
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}

fn complete<R: Serialize + DeserializeOwned>(text: &str) -> Result<Value> {
    let request: R = request_from_json(text)?;
    Ok(serde_json::to_value(request).expect("a request is plain values"))
}

impl Job {
    /// The job called `name`.
    ///
    /// # Errors
    /// Usage, with the nearest name.
    pub fn find(name: &str) -> Result<&'static Self> {
        JOBS.iter().find(|job| folded(job.name) == folded(name)).ok_or_else(|| {
            let names = || JOBS.iter().map(|job| job.name);
            let error = Error::usage(format!("no job is called \"{name}\""));
            match nearest(name, names()) {
                Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                None => error.hint(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The properties of `schema` and of all that it defines, each with its description.
    fn properties(schema: &Value) -> Vec<(String, Option<String>)> {
        let defined = schema["$defs"].as_object().into_iter().flat_map(|all| all.values());
        let own = std::iter::once(schema).chain(defined);
        let of = |schema: &Value| {
            let all = schema["properties"].as_object().cloned().unwrap_or_default();
            all.into_iter()
                .map(|(name, property)| (name, property["description"].as_str().map(str::to_owned)))
        };
        own.flat_map(of).collect()
    }

    #[test]
    fn every_property_of_every_request_is_described() {
        for job in JOBS {
            let schema = (job.schema)();
            assert!(schema["description"].is_string(), "{}: {schema}", job.name);
            let properties = properties(&schema);
            assert!(!properties.is_empty(), "{}", job.name);
            for (name, description) in properties {
                assert!(description.is_some_and(|text| text.len() > 5), "{}.{name}", job.name);
            }
        }
    }

    #[test]
    fn a_default_request_is_written_and_read_back() {
        for job in JOBS {
            let whole = (job.complete)("{}").unwrap();
            assert_eq!((job.complete)(&whole.to_string()).unwrap(), whole, "{}", job.name);
            let named = whole.as_object().unwrap().keys().collect::<Vec<_>>();
            let schema = (job.schema)();
            let known = schema["properties"].as_object().unwrap();
            assert!(named.iter().all(|name| known.contains_key(*name)), "{}", job.name);
            let refused = (job.complete)(r#"{"unheard_of": 1}"#).unwrap_err().to_string();
            assert!(refused.contains("unheard_of"), "{refused}");
        }
    }

    #[test]
    fn jobs_are_found_by_name_or_nearly() {
        assert_eq!(Job::find("sample").unwrap().name, "sample");
        assert!(Job::find("smaple").unwrap_err().to_string().contains("did you mean \"sample\"?"));
    }
}

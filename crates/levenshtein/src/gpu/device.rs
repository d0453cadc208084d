//! GPU device: kernels compiled on first use, buffers, submissions, and detection of device loss.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::Shared;

use super::kernel::Kernel;
use super::pace::Pace;
use super::reduction::Reduction;
use crate::error::Error;

/// A GPU that computes distances. It was checked against the CPU when it was opened.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    limits: wgpu::Limits,
    layout: wgpu::BindGroupLayout,
    pipelines: RefCell<HashMap<Key, wgpu::ComputePipeline>>,
    pub(super) pace: Pace,
    /// Set by the self-test.
    pub(super) longest: usize,
    lost: Shared<oneshot::Receiver<String>>,
    /// First uncaptured error.
    failure: Arc<Mutex<Option<String>>>,
}

/// Key of a compiled shader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Distances(Kernel),
    Reduction(Reduction),
}

/// Words that are read back when the commands submitted before them are done.
pub(super) struct Reading {
    staging: wgpu::Buffer,
    words: usize,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers run callbacks without polling"))]
    submission: wgpu::SubmissionIndex,
}

/// Number of storage buffers per shader, two of them writable.
const STORAGE_BUFFERS: u32 = 6;

impl Gpu {
    /// Opens the GPU of `adapter` without a self-test.
    pub(super) async fn unchecked(adapter: &wgpu::Adapter) -> Result<Self, Error> {
        let limits = adapter.limits();
        check_limits(&limits)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("distances"),
            required_features: wgpu::Features::empty(),
            // All limits of the adapter: larger sets and tables than the defaults allow.
            required_limits: limits.clone(),
            ..Default::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|error| Error::NoGpu { reason: error.to_string() })?;

        let (tell, lost) = oneshot::channel();
        let tell = Mutex::new(Some(tell));
        device.set_device_lost_callback(move |reason, message| {
            let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(tell) = tell {
                // The receiver may have been dropped.
                drop(tell.send(if message.is_empty() { format!("{reason:?}") } else { message }));
            }
        });
        let failure = Arc::new(Mutex::new(None));
        let first = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        }));

        let info = adapter.get_info();
        let named = [&info.name, &info.driver, &info.driver_info];
        let name = named.into_iter().find(|name| !name.is_empty()).map_or("graphics processor", |name| name);
        Ok(Self {
            name: name.to_owned(),
            layout: layout(&device),
            device,
            queue,
            limits,
            pipelines: RefCell::default(),
            pace: Pace::new(),
            longest: 0,
            lost: lost.shared(),
            failure,
        })
    }

    /// Name of the GPU.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Resolves with the reason when the device is lost, for example unplugged or reset. All calls
    /// then fail with [`Error::GpuLost`]; a new [`Gpu`] is needed.
    pub fn when_lost(&self) -> impl Future<Output = String> + use<> {
        let lost = self.lost.clone();
        async move { lost.await.unwrap_or_else(|_| "the device was dropped".to_owned()) }
    }

    /// Most symbols of a sequence: 2,048, or 1,024 if the driver ends long loops early. One
    /// invocation computes a pair of this length in tens of milliseconds at most.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The wgpu device, for other shaders of the caller.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// Queue of [`Self::device`].
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Workgroup memory in bytes.
    pub(super) fn workgroup_bytes(&self) -> u32 {
        self.limits.max_compute_workgroup_storage_size
    }

    /// Largest buffer of a shader in bytes.
    pub(super) fn most_bytes(&self) -> u64 {
        u64::from(u32::MAX).min(self.limits.max_storage_buffer_binding_size).min(self.limits.max_buffer_size)
    }

    /// Returns an error if a buffer would be too large.
    pub(super) fn fits(&self, what: &'static str, bytes: u64) -> Result<(), Error> {
        let limit = self.most_bytes();
        if bytes > limit { Err(Error::GpuTooLarge { what, bytes, limit }) } else { Ok(()) }
    }

    /// Creates a buffer with these words. It is never empty, because a binding must not be.
    pub(super) fn upload(&self, words: &[u32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * words.len().max(4) as u64,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    }

    /// Creates a storage buffer of `words` zeros.
    pub(super) fn zeroed(&self, words: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * words.max(4),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Returns the compiled shader. The first call per key takes some milliseconds to compile it.
    pub(super) async fn pipeline(&self, key: Key) -> Result<wgpu::ComputePipeline, Error> {
        if let Some(pipeline) = self.pipelines.borrow().get(&key) {
            return Ok(pipeline.clone());
        }
        let source = match key {
            Key::Distances(kernel) => kernel.source(),
            Key::Reduction(reduction) => reduction.source(),
        };
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&layout),
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every word is written before it is read.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        if let Some(error) = scope.pop().await {
            return Err(Error::GpuRefuses { gpu: self.name.clone(), reason: error.to_string() });
        }
        self.pipelines.borrow_mut().insert(key, pipeline.clone());
        Ok(pipeline)
    }

    /// Records one dispatch of a shader: `call` are its uniform words, `buffers` its six storage
    /// buffers.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        pipeline: &wgpu::ComputePipeline,
        call: &[u32],
        buffers: [&wgpu::Buffer; STORAGE_BUFFERS as usize],
        groups: [u32; 2],
    ) {
        let call = self.upload(call, wgpu::BufferUsages::UNIFORM);
        let bound = [&call].into_iter().chain(buffers);
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.layout,
            entries: &entries,
        });
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(groups[0], groups[1], 1);
    }

    /// Creates a command encoder.
    pub(super) fn commands(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Submits `commands`, then a copy of the first `words` of `from` for reading back.
    pub(super) fn submit(
        &self,
        mut commands: wgpu::CommandEncoder,
        from: &wgpu::Buffer,
        words: u64,
    ) -> Reading {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * words.max(1),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        commands.copy_buffer_to_buffer(from, 0, &staging, 0, staging.size());
        let submission = self.queue.submit([commands.finish()]);
        let (tell, mapped) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver may have been dropped: dropping cancels work.
            drop(tell.send(result));
        });
        Reading { staging, words: words as usize, mapped, submission }
    }

    /// Waits for a submission and returns the words read.
    pub(super) async fn finish(&self, reading: Reading) -> Result<Vec<u32>, Error> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            let until = wgpu::PollType::Wait { submission_index: Some(reading.submission), timeout: None };
            if let Err(error) = self.device.poll(until) {
                // A non-blocking poll runs the device-lost callback.
                drop(self.device.poll(wgpu::PollType::Poll));
                return Err(Error::GpuLost { gpu: self.name.clone(), reason: error.to_string() });
            }
        }
        let Reading { staging, words, mapped, .. } = reading;
        let mapped = mapped.await;
        self.check_alive()?;
        let broken = |reason: String| Error::GpuLost { gpu: self.name.clone(), reason };
        mapped.map_err(|_| broken("no response".to_owned()))?.map_err(|error| broken(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| broken(error.to_string()))?;
        let bytes = view.as_chunks::<4>().0;
        Ok(bytes.iter().take(words).map(|&bytes| u32::from_le_bytes(bytes)).collect())
    }

    /// Returns an error if the device is lost or has failed.
    fn check_alive(&self) -> Result<(), Error> {
        let lost = self.lost.clone().now_or_never().and_then(Result::ok);
        let failed = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match lost.or(failed) {
            Some(reason) => Err(Error::GpuLost { gpu: self.name.clone(), reason }),
            None => Ok(()),
        }
    }
}

fn check_limits(limits: &wgpu::Limits) -> Result<(), Error> {
    let needed = [
        ("storage buffers in a shader", limits.max_storage_buffers_per_shader_stage, STORAGE_BUFFERS),
        ("invocations in a workgroup", limits.max_compute_invocations_per_workgroup, super::kernel::GROUP),
        ("invocations in a row of a workgroup", limits.max_compute_workgroup_size_x, super::kernel::GROUP),
        ("bytes of workgroup memory", limits.max_compute_workgroup_storage_size, 4096),
        ("workgroups in a row", limits.max_compute_workgroups_per_dimension, super::kernel::MOST_GROUPS),
    ];
    match needed.into_iter().find(|&(_, has, needs)| has < needs) {
        Some((what, has, needs)) => {
            Err(Error::NoGpu { reason: format!("it has {has} {what}; {needs} are required") })
        }
        None => Ok(()),
    }
}

/// One layout for all shaders, so that they share bindings.
fn layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding: u32| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match binding {
                0 => wgpu::BufferBindingType::Uniform,
                _ => wgpu::BufferBindingType::Storage { read_only: binding < STORAGE_BUFFERS - 1 },
            },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..=STORAGE_BUFFERS).map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}

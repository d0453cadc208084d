//! The device: its kernels made when first needed, its loss heard of.

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

/// A graphics processor that computes distances. It was checked against the processor when it was made.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    limits: wgpu::Limits,
    layout: wgpu::BindGroupLayout,
    pipelines: RefCell<HashMap<Key, wgpu::ComputePipeline>>,
    pub(super) pace: Pace,
    /// Set by who has checked it.
    pub(super) longest: usize,
    lost: Shared<oneshot::Receiver<String>>,
    /// The first error that nobody waited for.
    failure: Arc<Mutex<Option<String>>>,
}

/// A shader that has been compiled, or is to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Distances(Kernel),
    Reduction(Reduction),
}

/// Words that come back when what was submitted before them is done.
pub(super) struct Reading {
    staging: wgpu::Buffer,
    words: usize,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers call back by themselves"))]
    submission: wgpu::SubmissionIndex,
}

/// How many storage buffers a shader is given, two of which it writes.
const STORAGE_BUFFERS: u32 = 6;

impl Gpu {
    /// The graphics processor that `adapter` stands for, of whom nobody knows whether it computes right.
    pub(super) async fn unchecked(adapter: &wgpu::Adapter) -> Result<Self, Error> {
        let limits = adapter.limits();
        check_limits(&limits)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("distances"),
            required_features: wgpu::Features::empty(),
            // All that it has: larger sets and larger tables than everybody must offer.
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
                // Nobody may be listening any more.
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

    /// What it calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends with the reason when the device is lost: it was unplugged, reset, or given up by its driver. All
    /// calls then end with [`Error::GpuLost`], and only a new [`Gpu`] can compute.
    pub fn when_lost(&self) -> impl Future<Output = String> + use<> {
        let lost = self.lost.clone();
        async move { lost.await.unwrap_or_else(|_| "it was let go".to_owned()) }
    }

    /// The most symbols that a sequence may have: 2,048, or 1,024 where a driver ends long loops early. One
    /// invocation computes a pair of such in some tens of milliseconds at most.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The device, for shaders of the caller's own.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The queue of [`Self::device`].
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Bytes of workgroup memory.
    pub(super) fn workgroup_bytes(&self) -> u32 {
        self.limits.max_compute_workgroup_storage_size
    }

    /// The most bytes that a shader can be given in one buffer.
    pub(super) fn most_bytes(&self) -> u64 {
        u64::from(u32::MAX).min(self.limits.max_storage_buffer_binding_size).min(self.limits.max_buffer_size)
    }

    /// Fails where a buffer would be too large.
    pub(super) fn fits(&self, what: &'static str, bytes: u64) -> Result<(), Error> {
        let limit = self.most_bytes();
        if bytes > limit { Err(Error::GpuTooLarge { what, bytes, limit }) } else { Ok(()) }
    }

    /// A buffer with these words, and never empty, which a binding must not be.
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

    /// A buffer that shaders write, of so many words that are 0.
    pub(super) fn room(&self, words: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * words.max(4),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// The compiled shader. Compiling one that is new takes some milliseconds.
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
                // Every word of it is written before it is read.
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

    /// Records one run of a shader: `call` are its uniform words, `buffers` its six storage buffers.
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

    /// Commands to record into.
    pub(super) fn commands(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Submits `commands` and a copy of the first `words` of `from` as they are after them.
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
            // The reader may have been dropped: that is how work is cancelled.
            drop(tell.send(result));
        });
        Reading { staging, words: words as usize, mapped, submission }
    }

    /// Waits for what was submitted.
    pub(super) async fn finish(&self, reading: Reading) -> Result<Vec<u32>, Error> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            let until = wgpu::PollType::Wait { submission_index: Some(reading.submission), timeout: None };
            if let Err(error) = self.device.poll(until) {
                // Whoever waits for the loss hears of it in a poll that waits for nothing.
                drop(self.device.poll(wgpu::PollType::Poll));
                return Err(Error::GpuLost { gpu: self.name.clone(), reason: error.to_string() });
            }
        }
        let Reading { staging, words, mapped, .. } = reading;
        let mapped = mapped.await;
        self.sound()?;
        let broken = |reason: String| Error::GpuLost { gpu: self.name.clone(), reason };
        mapped
            .map_err(|_| broken("it never answered".to_owned()))?
            .map_err(|error| broken(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| broken(error.to_string()))?;
        let bytes = view.as_chunks::<4>().0;
        Ok(bytes.iter().take(words).map(|&bytes| u32::from_le_bytes(bytes)).collect())
    }

    /// Fails if the device is lost or has failed.
    fn sound(&self) -> Result<(), Error> {
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
            Err(Error::NoGpu { reason: format!("it has {has} {what}, and {needs} are needed") })
        }
        None => Ok(()),
    }
}

/// One layout for all shaders, so that they can be bound the same buffers.
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

//! The two ends of a stream.

use skipopu_hdl::prelude::*;

/// The receiving end of a stream: a port of the block that takes the beats.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "StreamSource"]
pub struct StreamSink {
    /// A beat is offered.
    pub valid: Signal<In, Bit>,
    /// The beat is taken at this edge.
    pub ready: Signal<Out, Bit>,
    /// What the beat carries.
    pub data: Wire<In>,
    /// Is it the final beat of its packet?
    pub last: Signal<In, Bit>,
}

/// The sending end of a stream: a port of the block that gives the beats.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "StreamSink"]
pub struct StreamSource {
    /// A beat is offered.
    pub valid: Signal<Out, Bit>,
    /// The beat is taken at this edge.
    pub ready: Signal<In, Bit>,
    /// What the beat carries.
    pub data: Wire<Out>,
    /// Is it the final beat of its packet?
    pub last: Signal<Out, Bit>,
}

impl StreamSink {
    /// A stream of `width` data bits. Panics when `width` is 0.
    pub fn new(width: usize) -> StreamSink {
        StreamSink {
            valid: Default::default(),
            ready: Default::default(),
            data: Wire::new(width),
            last: Default::default(),
        }
    }
}

impl StreamSource {
    /// A stream of `width` data bits. Panics when `width` is 0.
    pub fn new(width: usize) -> StreamSource {
        StreamSource {
            valid: Default::default(),
            ready: Default::default(),
            data: Wire::new(width),
            last: Default::default(),
        }
    }
}

/// The receiving end of a stream of single items: a stream without `last`.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "ItemSource"]
pub struct ItemSink {
    /// An item is offered.
    pub valid: Signal<In, Bit>,
    /// The item is taken at this edge.
    pub ready: Signal<Out, Bit>,
    /// The item.
    pub data: Wire<In>,
}

/// The sending end of a stream of single items.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "ItemSink"]
pub struct ItemSource {
    /// An item is offered.
    pub valid: Signal<Out, Bit>,
    /// The item is taken at this edge.
    pub ready: Signal<In, Bit>,
    /// The item.
    pub data: Wire<Out>,
}

impl ItemSink {
    /// Items of `width` bits. Panics when `width` is 0.
    pub fn new(width: usize) -> ItemSink {
        ItemSink { valid: Default::default(), ready: Default::default(), data: Wire::new(width) }
    }
}

impl ItemSource {
    /// Items of `width` bits. Panics when `width` is 0.
    pub fn new(width: usize) -> ItemSource {
        ItemSource { valid: Default::default(), ready: Default::default(), data: Wire::new(width) }
    }
}

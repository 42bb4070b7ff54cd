//! The graph of a module's nets and its longest paths.

use super::Path;
use crate::synth::netlist::NetModule;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// A bit of a port.
pub(super) type Pin = (String, usize);

/// Where paths start or end: a net, the levels already spent beyond it, and a name for people.
pub(super) struct Terminal {
    pub(super) node: usize,
    pub(super) levels: u32,
    pub(super) label: Rc<str>,
}

/// Nets (and helper nodes) as nodes, cells as arcs that carry levels.
pub(super) struct Graph {
    pub(super) node_of: HashMap<u32, usize>,
    pub(super) names: HashMap<u32, String>,
    pub(super) arcs: Vec<Vec<(usize, u32)>>,
    pub(super) starts: Vec<Terminal>,
    pub(super) ends: Vec<Terminal>,
}

/// Longest distance of every node from some sources, and the source.
pub(super) struct Reach {
    levels: Vec<Option<u32>>,
    source: Vec<usize>,
    labels: Vec<Rc<str>>,
}

impl Reach {
    /// The longest path to `node` and `extra` levels beyond, to the end called `to`.
    pub(super) fn path(&self, node: usize, extra: u32, to: &str) -> Option<Path> {
        let levels = self.levels[node]? + extra;
        Some(Path { levels, from: self.labels[self.source[node]].to_string(), to: to.into() })
    }
}

impl Graph {
    pub(super) fn new(module: &NetModule) -> Graph {
        let mut graph = Graph {
            node_of: HashMap::new(),
            names: module.names(),
            arcs: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
        };
        let ports = module.ports.values().flat_map(|p| &p.bits);
        let pins = module.cells.values().flat_map(|c| c.connections.values().flatten());
        for net in ports.chain(pins).filter_map(|b| b.net()) {
            if !graph.node_of.contains_key(&net) {
                let node = graph.add_node();
                graph.node_of.insert(net, node);
            }
        }
        graph
    }

    pub(super) fn add_node(&mut self) -> usize {
        self.arcs.push(Vec::new());
        self.arcs.len() - 1
    }

    pub(super) fn node(&self, net: u32) -> usize {
        self.node_of[&net]
    }

    pub(super) fn arc(&mut self, from: u32, to: u32, levels: u32) {
        let (from, to) = (self.node(from), self.node(to));
        self.arcs[from].push((to, levels));
    }

    pub(super) fn start(&mut self, net: u32, levels: u32) {
        let label = self.names.get(&net).map_or("?", String::as_str).into();
        self.starts.push(Terminal { node: self.node(net), levels, label });
    }

    pub(super) fn end(&mut self, cell: &str, pin: &str, net: u32) {
        self.ends.push(Terminal {
            node: self.node(net),
            levels: 0,
            label: format!("{cell}.{pin}").into(),
        });
    }

    /// All `inputs` reach all `outputs` through one node: linear, not quadratic, in pins.
    pub(super) fn block(&mut self, inputs: &[u32], outputs: &[u32], levels: u32) {
        match (inputs, outputs) {
            ([], _) | (_, []) => {}
            (_, [out]) => inputs.iter().for_each(|i| self.arc(*i, *out, levels)),
            _ => {
                let hub = self.add_node();
                for i in inputs {
                    let from = self.node(*i);
                    self.arcs[from].push((hub, levels));
                }
                for o in outputs {
                    let to = self.node(*o);
                    self.arcs[hub].push((to, 0));
                }
            }
        }
    }

    /// Nodes in topological order, or the nets of a loop.
    pub(super) fn order(&self) -> Result<Vec<usize>, Vec<String>> {
        let mut waiting = vec![0usize; self.arcs.len()];
        self.arcs.iter().flatten().for_each(|(to, _)| waiting[*to] += 1);
        let mut order: Vec<usize> = (0..self.arcs.len()).filter(|n| waiting[*n] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for (to, _) in &self.arcs[order[next]] {
                waiting[*to] -= 1;
                if waiting[*to] == 0 {
                    order.push(*to);
                }
            }
            next += 1;
        }
        match order.len() == self.arcs.len() {
            true => Ok(order),
            false => Err(self.find_loop(&waiting)),
        }
    }

    /// Follows arcs backwards among the nodes that never became ready until one repeats.
    fn find_loop(&self, waiting: &[usize]) -> Vec<String> {
        let mut before = vec![None; self.arcs.len()];
        for (from, arcs) in self.arcs.iter().enumerate().filter(|(n, _)| waiting[*n] > 0) {
            arcs.iter().for_each(|(to, _)| before[*to] = Some(from));
        }
        let mut seen = Vec::new();
        let mut node = waiting.iter().position(|w| *w > 0);
        while let Some(n) = node.filter(|n| !seen.contains(n)) {
            seen.push(n);
            node = before[n];
        }
        let entry = seen.iter().position(|n| Some(*n) == node).unwrap_or(0);
        let net_of: HashMap<usize, u32> = self.node_of.iter().map(|(net, n)| (*n, *net)).collect();
        let named = |n: &usize| net_of.get(n).and_then(|net| self.names.get(net)).cloned();
        let mut nets: Vec<String> = seen[entry..].iter().rev().filter_map(named).collect();
        nets.truncate(12);
        nets
    }

    /// Longest distances from the sources `(node, levels, label)`; `order` is topological.
    pub(super) fn forward(
        &self,
        order: &[usize],
        sources: impl Iterator<Item = (usize, u32, Rc<str>)>,
    ) -> Reach {
        let n = self.arcs.len();
        let mut reach = Reach { levels: vec![None; n], source: vec![0; n], labels: Vec::new() };
        for (node, levels, label) in sources {
            if reach.levels[node].is_none_or(|l| levels > l) {
                reach.levels[node] = Some(levels);
                reach.source[node] = reach.labels.len();
            }
            reach.labels.push(label);
        }
        for &node in order {
            let Some(levels) = reach.levels[node] else { continue };
            for &(to, step) in &self.arcs[node] {
                if reach.levels[to].is_none_or(|l| levels + step > l) {
                    reach.levels[to] = Some(levels + step);
                    reach.source[to] = reach.source[node];
                }
            }
        }
        reach
    }

    /// Per input bit, the farthest register behind it.
    pub(super) fn backward(
        &self,
        order: &[usize],
        inputs: &[(String, usize, u32)],
    ) -> BTreeMap<Pin, (u32, Rc<str>)> {
        let mut far: Vec<Option<(u32, Rc<str>)>> = vec![None; self.arcs.len()];
        for end in &self.ends {
            if far[end.node].as_ref().is_none_or(|(l, _)| end.levels > *l) {
                far[end.node] = Some((end.levels, end.label.clone()));
            }
        }
        for &node in order.iter().rev() {
            for &(to, step) in &self.arcs[node] {
                let Some((levels, label)) = far[to].clone() else { continue };
                if far[node].as_ref().is_none_or(|(l, _)| levels + step > *l) {
                    far[node] = Some((levels + step, label));
                }
            }
        }
        let found = inputs
            .iter()
            .filter_map(|(port, i, net)| Some(((port.clone(), *i), far[self.node(*net)].clone()?)));
        found.collect()
    }

    /// Levels between every input and every output that it reaches.
    pub(super) fn through(
        &self,
        order: &[usize],
        inputs: &[(String, usize, u32)],
        outputs: &[(String, usize, u32)],
    ) -> Vec<(Pin, Pin, u32)> {
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(i, n)| position[*n] = i);
        let mut arcs = Vec::new();
        let mut levels: Vec<Option<u32>> = vec![None; self.arcs.len()];
        for (in_port, in_bit, net) in inputs {
            let start = self.node(*net);
            let mut cone = vec![start];
            levels[start] = Some(0);
            let mut next = 0;
            while next < cone.len() {
                for &(to, _) in &self.arcs[cone[next]] {
                    if levels[to].is_none() {
                        levels[to] = Some(0);
                        cone.push(to);
                    }
                }
                next += 1;
            }
            cone.sort_by_key(|n| position[*n]);
            for &node in &cone {
                let here = levels[node].unwrap_or(0);
                for &(to, step) in &self.arcs[node] {
                    levels[to] = levels[to].max(Some(here + step));
                }
            }
            for (out_port, out_bit, net) in outputs {
                if let Some(l) = levels[self.node(*net)] {
                    arcs.push(((in_port.clone(), *in_bit), (out_port.clone(), *out_bit), l));
                }
            }
            cone.iter().for_each(|n| levels[*n] = None);
        }
        arcs
    }
}

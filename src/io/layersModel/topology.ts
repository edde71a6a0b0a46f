import { show } from '../shown.js';
import { fail, isRecord, type Json, type KerasLayer } from './json.js';

/** How deep models may lie in each other. */
const MAX_DEPTH = 64;

/** The layers of a model, one after the other, those of models inside it in their place. */
export function layersIn(model: unknown, depth = 0): KerasLayer[] {
  if (depth > MAX_DEPTH) fail(`models lie more than ${MAX_DEPTH} deep in each other`);
  const { type, config } = layerOf(model);
  const list = Array.isArray(config) ? (config as unknown[]) : config.layers;
  if (!Array.isArray(list)) fail(`expected a list of layers, got ${show(list)}`);
  const chain = type === 'Sequential' ? list : chainOf(config, list);
  return chain.flatMap((item) => {
    const layer = layerOf(item);
    return isModel(layer.type) ? layersIn(item, depth + 1) : [layer];
  });
}

export function isModel(type: string): boolean {
  return type === 'Sequential' || type === 'Functional' || type === 'Model';
}

function layerOf(item: unknown): KerasLayer {
  const {
    class_name: type,
    config,
    name,
  } = isRecord(item) ? item : fail(`expected a layer, got ${show(item)}`);
  // The first versions of Keras wrote the layers of a Sequential as its config.
  if (typeof type !== 'string' || (!isRecord(config) && !Array.isArray(config))) {
    fail(`expected class_name and config of a layer, got ${show(type)} and ${show(config)}`);
  }
  const own = config as Json;
  return { type, name: String(own.name ?? name ?? type), config: own };
}

/** The layers of a functional model, from its input to its output, where each has one before it. */
function chainOf(config: Json, layers: readonly unknown[]): unknown[] {
  const byName = new Map<unknown, Json>();
  for (const layer of layers) if (isRecord(layer)) byName.set(layer.name, layer);
  let name = onlyEnd(config.output_layers, 'output');
  const first = onlyEnd(config.input_layers, 'input');
  const chain: unknown[] = [];
  const seen = new Set<string>();
  for (;;) {
    const layer = byName.get(name) ?? fail(`there is no layer ${show(name)}`);
    if (seen.has(name)) fail(`layer ${show(name)} is used more than once`);
    seen.add(name);
    chain.push(layer);
    if (name === first) return chain.toReversed();
    name = before(layer, name);
  }
}

/** The one end of a graph; written as [name, 0, 0], or as a list of one of these. */
function onlyEnd(ends: unknown, kind: string): string {
  if (!Array.isArray(ends)) fail(`expected the ${kind} layers as a list, got ${show(ends)}`);
  const [first, ...more] = ends as unknown[];
  if (typeof first === 'string') return first;
  if (Array.isArray(first) && typeof first[0] === 'string' && more.length === 0) return first[0];
  return fail(`expected one ${kind}, got ${ends.length}`);
}

/** The layer whose output a layer takes. */
function before(layer: Json, name: string): string {
  const [call, ...calls] = Array.isArray(layer.inbound_nodes) ? (layer.inbound_nodes as unknown[]) : [];
  if (calls.length > 0) fail(`layer ${show(name)} is used more than once`);
  let inputs: unknown[] = [];
  if (Array.isArray(call))
    inputs = call.map((input) => (Array.isArray(input) ? (input[0] as unknown) : input));
  // Keras 3: { args: [{ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }] }
  else if (isRecord(call) && Array.isArray(call.args)) {
    inputs = call.args.flat().map((input: unknown) => {
      const history = isRecord(input) && isRecord(input.config) ? input.config.keras_history : undefined;
      return Array.isArray(history) ? (history[0] as unknown) : undefined;
    });
  }
  const [input] = inputs;
  if (inputs.length !== 1 || typeof input !== 'string') {
    fail(`layer ${show(name)}: expected one layer before it, got ${inputs.length}; branches cannot be read`);
  }
  return input;
}

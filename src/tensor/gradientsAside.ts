import { currentTape } from './scope.js';
import type { Value } from './value.js';

/** The leaves that the calls on the current tape use. */
export function leavesInUse(): Value[] {
  return currentTape().calls.flatMap(({ inputs }) => inputs.filter(({ isLeaf }) => isLeaf));
}

/** Takes the gradients of leaves away. Returns what puts them back as they were, filled or not. */
export function setGradientsAside(leaves: readonly Value[]): () => void {
  const kept = [...new Set(leaves)].map(
    (leaf) => [leaf, { gradient: leaf.gradient, gradientApplied: leaf.gradientApplied }] as const,
  );
  for (const [leaf] of kept) Object.assign(leaf, { gradient: undefined, gradientApplied: false });
  return () => {
    for (const [leaf, before] of kept) {
      leaf.gradient?.release();
      Object.assign(leaf, before);
    }
  };
}

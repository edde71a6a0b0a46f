/** Alignment of every block, in bytes: a cache line, so that threads' slices never share one. */
export const ALIGNMENT_BYTES = 64;

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Called in want of memory: each gives back what it knows to be needed by nobody, and says whether there was any. */
export const sweeps: (() => boolean)[] = [];

interface Span {
  start: number;
  sizeBytes: number;
}

/**
 * A best-fit allocator over linear memory. Free spans are kept in address order and joined with their neighbours;
 * there are few of them (parameters, optimizer state, data sets, arena chunks), so a linear search is enough.
 */
export class Allocator {
  private readonly free: Span[] = [];
  private readonly taken = new Map<number, number>();
  private end: number;
  private usedBytes = 0;

  /**
   * @param start first byte that may be given out
   * @param grow makes memory at least so many bytes long, or throws
   */
  constructor(
    start: number,
    private readonly grow: (totalBytes: number) => void,
  ) {
    this.end = alignUp(start);
  }

  /** Bytes given out and not yet released. */
  get inUseBytes(): number {
    return this.usedBytes;
  }

  /** A block of at least one cache line; its content is undefined. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT_BYTES, alignUp(bytes));
    let best = -1;
    for (let i = 0; i < this.free.length; i++) {
      const span = this.free[i];
      if (span.sizeBytes >= size && (best < 0 || span.sizeBytes < this.free[best].sizeBytes)) best = i;
    }
    let start: number;
    if (best >= 0) {
      const span = this.free[best];
      start = span.start;
      if (span.sizeBytes === size) this.free.splice(best, 1);
      else {
        span.start += size;
        span.sizeBytes -= size;
      }
    } else {
      // A free span that ends where memory ends is extended, not left behind.
      const last = this.free.at(-1);
      const tail = last && last.start + last.sizeBytes === this.end ? last : undefined;
      start = tail ? tail.start : this.end;
      try {
        this.grow(start + size);
      } catch (error) {
        if (!sweeps.some((sweep) => sweep())) throw error;
        return this.allocate(bytes);
      }
      if (tail) this.free.pop();
      this.end = start + size;
    }
    this.taken.set(start, size);
    this.usedBytes += size;
    return start;
  }

  release(start: number): void {
    const size = this.taken.get(start);
    if (size === undefined) throw new Error(`release: no block starts at ${start}`);
    this.taken.delete(start);
    this.usedBytes -= size;
    let i = this.free.findIndex((span) => span.start > start);
    if (i < 0) i = this.free.length;
    this.free.splice(i, 0, { start, sizeBytes: size });
    this.join(i);
    if (i > 0) this.join(i - 1);
  }

  /** Joins span i with the next one where they touch. */
  private join(i: number): void {
    const span = this.free[i];
    const next = this.free[i + 1];
    if (next && span.start + span.sizeBytes === next.start) {
      span.sizeBytes += next.sizeBytes;
      this.free.splice(i + 1, 1);
    }
  }
}

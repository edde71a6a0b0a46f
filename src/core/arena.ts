import { alignUp } from './allocator.js';
import { engine, tapeLimitBytes } from './engine.js';

const FIRST_CHUNK_BYTES = 1 << 14;

interface Chunk {
  start: number;
  sizeBytes: number;
}

/** A bump allocator over chunks that double in size; all of it is taken back at once. */
export class Arena {
  private chunks: Chunk[] = [];
  private next = 0;
  private end = 0;
  private totalBytes = 0;

  /** The most it ever held, in bytes. */
  get sizeBytes(): number {
    return this.totalBytes;
  }

  allocate(bytes: number): number {
    const size = Math.max(64, alignUp(bytes));
    if (this.next + size > this.end) this.extend(size);
    const pointer = this.next;
    this.next += size;
    return pointer;
  }

  /** Takes everything back. Several chunks become one, so that the next round of the same work needs just that. */
  reset(): void {
    if (this.chunks.length > 1) {
      const total = this.totalBytes;
      this.release();
      try {
        this.extend(total);
      } catch {
        // Memory has no room for it in one piece, or the limit was lowered: the next round takes chunks again.
      }
    } else if (this.chunks.length === 1) {
      this.next = this.chunks[0].start;
    }
  }

  contains(pointer: number): boolean {
    return this.chunks.some(({ start, sizeBytes }) => pointer >= start && pointer < start + sizeBytes);
  }

  /** Gives the memory back to the allocator. */
  release(): void {
    for (const chunk of this.chunks) engine().allocator.release(chunk.start);
    this.chunks = [];
    this.next = this.end = this.totalBytes = 0;
  }

  private extend(size: number): void {
    const limit = tapeLimitBytes();
    if (this.totalBytes + size > limit) {
      throw new RangeError(
        `the tape holds ${this.totalBytes} bytes and would pass its limit of ${limit} without backward(): ` +
          'wrap work that needs no gradient in noGrad(() => …), keep numbers with item() instead of tensors, ' +
          'or raise configure({ tapeLimitBytes })',
      );
    }
    const sizeBytes = Math.min(Math.max(size, this.totalBytes, FIRST_CHUNK_BYTES), limit - this.totalBytes);
    const start = engine().allocator.allocate(sizeBytes);
    this.chunks.push({ start, sizeBytes });
    this.totalBytes += sizeBytes;
    this.next = start;
    this.end = start + sizeBytes;
  }
}

// The highest multiply-add rate of this build: loops that keep their operands in registers or the first-level cache.
// Every accumulator has its own chain, and every product its own factor, so that nothing can be shared or left out.
import { madd } from '../../assembly/simd';

/** 8 accumulators, all independent. */
export function registers8(turns: i32, memory: usize): void {
  const a = v128.load(memory);
  const b = v128.load(memory, 16);
  let c0 = a, c1 = b, c2 = a, c3 = b, c4 = a, c5 = b, c6 = a, c7 = b;
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
  }
  const s = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7)));
  v128.store(memory, s, 32);
}

/** 10 accumulators, all independent. */
export function registers10(turns: i32, memory: usize): void {
  const a = v128.load(memory);
  const b = v128.load(memory, 16);
  let c0 = a, c1 = b, c2 = a, c3 = b, c4 = a, c5 = b, c6 = a, c7 = b, c8 = a, c9 = b;
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
    c8 = madd(c8, a, b);
    c9 = madd(c9, a, b);
  }
  const s = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7)));
  v128.store(memory, f32x4.add(s, f32x4.add(c8, c9)), 32);
}

/** 12 accumulators, all independent. */
export function registers12(turns: i32, memory: usize): void {
  const a = v128.load(memory);
  const b = v128.load(memory, 16);
  let c0 = a, c1 = b, c2 = a, c3 = b, c4 = a, c5 = b, c6 = a, c7 = b, c8 = a, c9 = b, c10 = a, c11 = b;
  for (let i = 0; i < turns; i++) {
    c0 = madd(c0, a, b);
    c1 = madd(c1, a, b);
    c2 = madd(c2, a, b);
    c3 = madd(c3, a, b);
    c4 = madd(c4, a, b);
    c5 = madd(c5, a, b);
    c6 = madd(c6, a, b);
    c7 = madd(c7, a, b);
    c8 = madd(c8, a, b);
    c9 = madd(c9, a, b);
    c10 = madd(c10, a, b);
    c11 = madd(c11, a, b);
  }
  const s = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7)));
  v128.store(memory, f32x4.add(s, f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11))), 32);
}

/** 8 accumulators as a register tile has them: two vectors and four splats from the first-level cache, in a ring of 2 KiB. */
export function cached8(turns: i32, memory: usize): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  for (let i = 0; i < turns; i++) {
    const at = memory + 64 + (<usize>(i & 31) << 6);
    const b0 = v128.load(at);
    const b1 = v128.load(at, 16);
    let a = v128.load32_splat(at, 32);
    c0 = madd(a, b0, c0);
    c1 = madd(a, b1, c1);
    a = v128.load32_splat(at, 36);
    c2 = madd(a, b0, c2);
    c3 = madd(a, b1, c3);
    a = v128.load32_splat(at, 40);
    c4 = madd(a, b0, c4);
    c5 = madd(a, b1, c5);
    a = v128.load32_splat(at, 44);
    c6 = madd(a, b0, c6);
    c7 = madd(a, b1, c7);
  }
  v128.store(memory, f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))), 32);
}

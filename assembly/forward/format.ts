// What a model looks like in memory for the forward pass: valid TypeScript and valid AssemblyScript.
//
// A model is one image from address 0 on: a header of HEADER_BYTES, its constants, its steps. Behind it, from
// Header.ACTIVATIONS on, lie the registers; just before them is room for sums. A register that begins at offset o and is w wide holds, for a
// batch of r rows, the r · w floats from ACTIVATIONS + 4 · r · o on: one image serves batches of any size.
//
// A step is 12 words:
//
//   word 0        opcode in the low byte, the function (Unary, Softmax, Norm) from bit FUNCTION_SHIFT on
//   words 1–3     registers: input, output, another one
//   words 4–6     d0 … d2, dimensions in elements
//   words 7–10    p0 … p3, addresses in bytes; 0 where an operand is absent
//   words 10–11   s0 and s1, float32 scalars of steps without p3
//
// In the image the words of a step are in LEB128: half the bytes, since files of deep models are steps for a good part.
//
// "per row" counts for each row of the batch.

export const HEADER_BYTES = 112;
export const STEP_WORDS = 12;
/** What lies before the registers: a tile [4, 8], and its totals in float64. */
export const TILE_BYTES = 128;
export const SUMS_BYTES = 3 * TILE_BYTES;
/** Steps read up to so many bytes behind what they need, and make nothing of it. */
export const SLACK_BYTES = 64;

/** The header: offsets in bytes of its words. */
export const enum Header {
  IN_FEATURES = 0,
  OUT_FEATURES = 4,
  /** Floats per row of all registers together. */
  ROW_FLOATS = 8,
  /** Where the registers begin. */
  ACTIVATIONS = 12,
  STEPS = 16,
  /** The register of the output; that of the input is 0. */
  OUTPUT = 20,
  /** Where the steps begin. */
  PROGRAM = 24,
  /** Eight zeros: where sums without a bias start. */
  ZEROS = 32,
  /** The words of the step that is run. */
  STEP = 64,
}

export const enum Step {
  /**
   * y = max(x · wᵀ + bias, s0). d0 out, d1 in, p0 w, p1 bias. Of w the rows 8 i … 8 i + 7, the last of them perhaps fewer,
   * lie transposed one after the other: [in, 8].
   */
  DENSE = 1,
  /**
   * The same with w in 8 bits, [out, in] row by row, p2 its scales [out]. Each row of x becomes integers of at most s1 in
   * the other register, which has room for ⌈in / 8⌉ · 4 + 1 floats per row.
   */
  DENSE_8,
  /** y = f(x). d0 elements per row, s0 and s1 parameters of f. */
  UNARY,
  /** d0 vectors per row, d1 length, d2 elements from one number of a vector to the next. */
  SOFTMAX,
  /** d0 groups per row, d1 length of a group, s0 eps. */
  NORMALIZE,
  /** y = (x − p0) / p1 · p2 + p3 for x [d0 per row, d1, d2], each vector [d1]. Function 1: 0 where p2 is, whatever x is. */
  AFFINE,
  /** y = x + the other register. d0 elements per row. */
  ADD,
  /** Pieces of d1 floats, d0 per row, go to every d2-th float of y, from p0 bytes on. */
  SPREAD,
  /** Rows of a table p0 [d2, d1] at the d0 indices per row. Stops with Status.INDEX at one that is none. */
  EMBEDDING,
  /** The same of a table in 8 bits, p1 its scales [d2]. */
  EMBEDDING_8,
}

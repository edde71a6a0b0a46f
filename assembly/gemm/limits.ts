// Where matrix products take another way, and so add in another order: valid TypeScript and valid AssemblyScript. Whoever
// computes one (gemm.ts, forward/dense.ts) or prepares it (src/forward) has these numbers from here.

/** Columns of a register tile, and of a panel. */
export const TILE_COLUMNS = 8;

/** Up to so many products of an element are added in one float32 (dot products: in four). */
export const LONG_K = 1024;
/**
 * More of them are added in pieces of so many, and the pieces in float64. Equal numbers are off by up to n / 4 roundings,
 * all to one side: by 14.5 in 56, which leaves room for two more below 2⁻²⁰.
 */
export const PIECE_K = 56;
/** Such a piece of a dot product, whose four lanes are four sums. */
export const DOT_PIECE_K = 224;

/** Up to so many rows against a transposed B are done as dot products. */
export const DOT_ROWS = 3;
/**
 * Up to so many columns that fill no panel are computed one by one, if they are not longer than LONG_K: 17³ ran at 0.58
 * to 0.61 of the rate of 24³ without, and runs at 0.69 to 0.75.
 */
export const SINGLE_COLUMNS = 2;
/** From so many products of an element on the smaller of two operands is packed, if both are contiguous along them. */
export const SWAP_K = 16;
/** Up to so many products nothing is prepared: [4, 2] · [2, 16] takes 40 ns for 70; 8³ = 512 would take as long as before. */
export const SMALL = 256;

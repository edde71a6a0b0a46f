// How a range of work units is split over the ranks that run one instruction. Slices are multiples of a granule, so
// that no two ranks write to one cache line (16 floats), or so that no register tile is cut.

/** The first unit of `rank`; that of rank + 1 is where its slice ends. */
export function sliceBegin(units: i32, granule: i32, rank: i32, ranks: i32): i32 {
  const granules = (units + granule - 1) / granule;
  const begin = <i32>((<i64>granules * rank) / ranks) * granule;
  return begin < units ? begin : units;
}

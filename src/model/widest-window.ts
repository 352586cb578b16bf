/** For predictors that hold at most so many pages: the longest look back that shows no more. */
const BISECTIONS = 20;

/** The widest window whose set fits: what lies nearest to now is hottest. */
export function widestWindow(
  windowNs: number,
  pagesMax: number,
  count: (ns: number) => number,
): number {
  const all = count(windowNs);
  if (all <= pagesMax) return all;
  let fits = 0;
  let tooMany = windowNs;
  for (let i = 0; i < BISECTIONS && tooMany - fits > 1000; i++) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (count(middle) <= pagesMax) fits = middle;
    else tooMany = middle;
  }
  return count(fits) <= pagesMax ? count(fits) : 0;
}

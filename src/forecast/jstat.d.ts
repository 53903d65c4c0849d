/** What is used of jStat, which brings no types. */
declare module 'jstat' {
  const jStat: {
    /** Inverse of a square matrix. */
    inv: (matrix: number[][]) => number[][];
    studentt: {
      /** Quantile of Student's t. */
      inv: (probability: number, degreesOfFreedom: number) => number;
    };
  };
  export default jStat;
}

/** The two global types that TypeScript wants and the AssemblyScript library does not declare. */
interface CallableFunction {
  readonly length: i32;
}
interface NewableFunction {
  readonly length: i32;
}

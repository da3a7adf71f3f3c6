/** How lines and accounting name a product. */
export interface ProductRef {
  readonly id: string;
  readonly name: string;
  readonly code: string;
}

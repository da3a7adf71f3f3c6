/** JSON can say halves of surrogate pairs, which are no characters: every database would keep something else. */
export const isWhole = (value: string): boolean => value.isWellFormed();

/** Whether PostgreSQL can store it, which has no NUL either. */
export const isText = (value: string): boolean => !value.includes("\0") && isWhole(value);

export const notText = "holds a character that is not text";

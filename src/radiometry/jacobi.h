/**
 * Small dense symmetric problems, the same bits on every machine (Law 1): Cholesky's factor,
 * triangular solves and the cyclic Jacobi method. Only + - * / and sqrt, in a fixed order.
 */
#ifndef TUBAN_RADIOMETRY_JACOBI_H
#define TUBAN_RADIOMETRY_JACOBI_H

#include <stdbool.h>

enum { TB_SQUARE_MAX = 16 };

/** A matrix up to 16 x 16, at[row][column]; a plain value. Functions use the first n of each. */
typedef struct tb_square {
    double at[TB_SQUARE_MAX][TB_SQUARE_MAX];
} tb_square;

/**
 * Eigenvalues, largest first, and eigenvectors (columns, orthonormal, in the same order) of a
 * symmetric matrix, of which the upper triangle is read.
 *
 * Cyclic Jacobi by rows (Golub & Van Loan 2013, alg. 8.5.3), until no off-diagonal element matters
 * beside its diagonal ones or 60 sweeps are done; equal eigenvalues keep the order of the diagonal.
 * Cost: O(n^3) a sweep, some 6 to 10 sweeps.
 */
void tb_jacobi_eigen(double *values, tb_square *vectors, const tb_square *symmetric, int n);

/**
 * The same for A v = lambda B v, B positive definite; vectors are scaled to v' B v = 1.
 * @return false when B fails the rank test of tb_cholesky_factor; the outputs are then undefined.
 */
bool tb_jacobi_generalised(double *values, tb_square *vectors, const tb_square *a,
                           const tb_square *b, int n, double tolerance);

/**
 * Lower L with L L' = symmetric (upper triangle read; above L's diagonal: zeros).
 *
 * @param tolerance  the rank test: a pivot at or below tolerance * its diagonal element (1 - R^2 of
 *                   that variable on those before it) fails.
 * @return false when it fails or an element is not finite; *lower is then undefined.
 */
bool tb_cholesky_factor(tb_square *lower, const tb_square *symmetric, int n, double tolerance);

/** Solves L X = B for each of n columns, in place. */
void tb_cholesky_forward(const tb_square *lower, tb_square *columns, int n);

/** Solves L' X = B for each of n columns, in place. */
void tb_cholesky_backward(const tb_square *lower, tb_square *columns, int n);

/** A' and A B. */
void tb_square_transpose(tb_square *out, const tb_square *a, int n);
void tb_square_multiply(tb_square *out, const tb_square *a, const tb_square *b, int n);

#endif

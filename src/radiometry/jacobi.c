#include "radiometry/jacobi.h"

#include <math.h>

enum { SWEEPS_MAX = 60 };

/* Half a unit in the last place of 1: an off-diagonal element this small moves no eigenvalue. */
static const double negligible = 0x1p-53;

static bool matters(const tb_square *a, int p, int q)
{
    double size = fabs(a->at[p][q]);

    return size > negligible * (sqrt(fabs(a->at[p][p])) * sqrt(fabs(a->at[q][q]))) &&
           size > 0x1p-900;
}

static void rotate(tb_square *a, tb_square *vectors, int p, int q, int n)
{
    double theta = (a->at[q][q] - a->at[p][p]) / (2.0 * a->at[p][q]);
    double size  = fabs(theta);
    double t     = size > 1e150 ? 0.5 / size : 1.0 / (size + sqrt(size * size + 1.0));

    if (theta < 0.0)
        t = -t;

    double c = 1.0 / sqrt(t * t + 1.0);
    double s = t * c;
    double h = t * a->at[p][q];

    a->at[p][p] -= h;
    a->at[q][q] += h;
    a->at[p][q] = a->at[q][p] = 0.0;
    for (int k = 0; k < n; k++) {
        if (k != p && k != q) {
            double kp = a->at[k][p], kq = a->at[k][q];

            a->at[k][p] = a->at[p][k] = c * kp - s * kq;
            a->at[k][q] = a->at[q][k] = s * kp + c * kq;
        }

        double vp = vectors->at[k][p], vq = vectors->at[k][q];

        vectors->at[k][p] = c * vp - s * vq;
        vectors->at[k][q] = s * vp + c * vq;
    }
}

static void sort_descending(double *values, tb_square *vectors, int n)
{
    for (int i = 1; i < n; i++) {
        for (int j = i; j > 0 && values[j] > values[j - 1]; j--) {
            double value = values[j];

            values[j]     = values[j - 1];
            values[j - 1] = value;
            for (int k = 0; k < n; k++) {
                double element = vectors->at[k][j];

                vectors->at[k][j]     = vectors->at[k][j - 1];
                vectors->at[k][j - 1] = element;
            }
        }
    }
}

void tb_jacobi_eigen(double *values, tb_square *vectors, const tb_square *symmetric, int n)
{
    tb_square a;
    bool      is_done = false;

    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            a.at[i][j]        = i <= j ? symmetric->at[i][j] : symmetric->at[j][i];
            vectors->at[i][j] = i == j ? 1.0 : 0.0;
        }
    }
    for (int sweep = 0; sweep < SWEEPS_MAX && !is_done; sweep++) {
        is_done = true;
        for (int p = 0; p < n - 1; p++) {
            for (int q = p + 1; q < n; q++) {
                if (matters(&a, p, q)) {
                    rotate(&a, vectors, p, q, n);
                    is_done = false;
                }
            }
        }
    }
    for (int i = 0; i < n; i++)
        values[i] = a.at[i][i];
    sort_descending(values, vectors, n);
}

bool tb_jacobi_generalised(double *values, tb_square *vectors, const tb_square *a,
                           const tb_square *b, int n, double tolerance)
{
    tb_square lower, left, both = {0};

    if (!tb_cholesky_factor(&lower, b, n, tolerance))
        return false;

    /* C = L^-1 A L^-T: solve for the columns of A, then for the columns of the transpose. */
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            left.at[i][j] = i <= j ? a->at[i][j] : a->at[j][i];
    tb_cholesky_forward(&lower, &left, n);
    tb_square_transpose(&both, &left, n);
    tb_cholesky_forward(&lower, &both, n);
    tb_jacobi_eigen(values, vectors, &both, n);
    tb_cholesky_backward(&lower, vectors, n);
    return true;
}

bool tb_cholesky_factor(tb_square *lower, const tb_square *symmetric, int n, double tolerance)
{
    for (int j = 0; j < n; j++) {
        double diagonal = symmetric->at[j][j];
        double pivot    = diagonal;

        for (int k = 0; k < j; k++)
            pivot -= lower->at[j][k] * lower->at[j][k];
        if (!(pivot > tolerance * diagonal) || !(pivot > 0.0) || !(pivot < (double)INFINITY))
            return false;

        double root = sqrt(pivot);

        for (int i = 0; i < j; i++)
            lower->at[i][j] = 0.0;
        lower->at[j][j] = root;
        for (int i = j + 1; i < n; i++) {
            double sum = symmetric->at[j][i];

            for (int k = 0; k < j; k++)
                sum -= lower->at[i][k] * lower->at[j][k];
            lower->at[i][j] = sum / root;
        }
    }
    return true;
}

void tb_cholesky_forward(const tb_square *lower, tb_square *columns, int n)
{
    for (int c = 0; c < n; c++) {
        for (int i = 0; i < n; i++) {
            double sum = columns->at[i][c];

            for (int k = 0; k < i; k++)
                sum -= lower->at[i][k] * columns->at[k][c];
            columns->at[i][c] = sum / lower->at[i][i];
        }
    }
}

void tb_cholesky_backward(const tb_square *lower, tb_square *columns, int n)
{
    for (int c = 0; c < n; c++) {
        for (int i = n - 1; i >= 0; i--) {
            double sum = columns->at[i][c];

            for (int k = i + 1; k < n; k++)
                sum -= lower->at[k][i] * columns->at[k][c];
            columns->at[i][c] = sum / lower->at[i][i];
        }
    }
}

void tb_square_transpose(tb_square *out, const tb_square *a, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            out->at[i][j] = a->at[j][i];
}

void tb_square_multiply(tb_square *out, const tb_square *a, const tb_square *b, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0.0;

            for (int k = 0; k < n; k++)
                sum += a->at[i][k] * b->at[k][j];
            out->at[i][j] = sum;
        }
    }
}

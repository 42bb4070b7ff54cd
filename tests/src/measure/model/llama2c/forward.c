/* A baseline for speed: the forward pass of llama2.c (Andrej Karpathy, MIT), written anew from its published
 * algorithm. One thread, one token at a time, f32 weights mapped from model.bin, plain loops left to the
 * compiler. Built with -O3 -march=native -ffast-math.
 *
 *     forward model.bin STEPS
 *
 * writes STEPS tokens greedily after token 1, one a line, then the seconds that they took.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

typedef struct {
    int dim, hidden, layers, heads, kv_heads, vocab, context;
} Sizes;

static void rms_norm(float *out, const float *x, const float *gain, int size) {
    float sum = 0.0f;
    for (int i = 0; i < size; i++) sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(sum / size + 1e-5f);
    for (int i = 0; i < size; i++) out[i] = gain[i] * (scale * x[i]);
}

static void softmax(float *x, int size) {
    float largest = x[0], sum = 0.0f;
    for (int i = 1; i < size; i++) largest = x[i] > largest ? x[i] : largest;
    for (int i = 0; i < size; i++) {
        x[i] = expf(x[i] - largest);
        sum += x[i];
    }
    for (int i = 0; i < size; i++) x[i] /= sum;
}

static void matmul(float *out, const float *x, const float *w, int inputs, int outputs) {
    for (int r = 0; r < outputs; r++) {
        float sum = 0.0f;
        for (int c = 0; c < inputs; c++) sum += w[r * inputs + c] * x[c];
        out[r] = sum;
    }
}

static float *buffer(size_t count) {
    float *b = calloc(count, sizeof(float));
    if (!b) exit(3);
    return b;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int file = open(argv[1], O_RDONLY), steps = atoi(argv[2]);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) return 3;
    void *map = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED) return 3;
    Sizes s;
    memcpy(&s, map, sizeof s);
    if (s.vocab < 0) return 4; /* a classifier of its own is not supported */
    size_t dim = s.dim, hidden = s.hidden, layers = s.layers, head = s.dim / s.heads;
    size_t kv = head * s.kv_heads, shared = s.heads / s.kv_heads;
    const float *embedding = (const float *)((const char *)map + sizeof s);
    const float *attention_norm = embedding + s.vocab * dim;
    const float *wq = attention_norm + layers * dim;
    const float *wk = wq + layers * dim * dim;
    const float *wv = wk + layers * kv * dim;
    const float *wo = wv + layers * kv * dim;
    const float *ffn_norm = wo + layers * dim * dim;
    const float *w1 = ffn_norm + layers * dim;
    const float *w2 = w1 + layers * hidden * dim;
    const float *w3 = w2 + layers * dim * hidden;
    const float *final_norm = w3 + layers * hidden * dim;
    float *x = buffer(dim), *h = buffer(dim), *h2 = buffer(dim), *q = buffer(dim);
    float *g = buffer(hidden), *u = buffer(hidden), *logits = buffer(s.vocab);
    float *scores = buffer((size_t)s.heads * s.context);
    float *keys = buffer(layers * s.context * kv), *values = buffer(layers * s.context * kv);

    struct timespec begin, end;
    int token = 1;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int t = 0; t < steps && t < s.context; t++) {
        memcpy(x, embedding + token * dim, dim * sizeof(float));
        for (size_t l = 0; l < layers; l++) {
            rms_norm(h, x, attention_norm + l * dim, dim);
            float *k = keys + (l * s.context + t) * kv, *v = values + (l * s.context + t) * kv;
            matmul(q, h, wq + l * dim * dim, dim, dim);
            matmul(k, h, wk + l * kv * dim, dim, kv);
            matmul(v, h, wv + l * kv * dim, dim, kv);
            for (size_t i = 0; i < dim; i += 2) {
                float angle = t * (1.0f / powf(10000.0f, (i % head) / (float)head));
                float c = cosf(angle), sn = sinf(angle);
                for (int which = 0; which < (i < kv ? 2 : 1); which++) {
                    float *vec = which == 0 ? q : k, a = vec[i], b = vec[i + 1];
                    vec[i] = a * c - b * sn;
                    vec[i + 1] = a * sn + b * c;
                }
            }
            for (int n = 0; n < s.heads; n++) {
                const float *own = q + n * head;
                float *p = scores + n * s.context, *out = h + n * head;
                size_t at = (n / shared) * head;
                for (int i = 0; i <= t; i++) {
                    const float *key = keys + (l * s.context + i) * kv + at;
                    float sum = 0.0f;
                    for (size_t c = 0; c < head; c++) sum += own[c] * key[c];
                    p[i] = sum / sqrtf(head);
                }
                softmax(p, t + 1);
                memset(out, 0, head * sizeof(float));
                for (int i = 0; i <= t; i++) {
                    const float *value = values + (l * s.context + i) * kv + at;
                    for (size_t c = 0; c < head; c++) out[c] += p[i] * value[c];
                }
            }
            matmul(h2, h, wo + l * dim * dim, dim, dim);
            for (size_t i = 0; i < dim; i++) x[i] += h2[i];
            rms_norm(h, x, ffn_norm + l * dim, dim);
            matmul(g, h, w1 + l * hidden * dim, dim, hidden);
            matmul(u, h, w3 + l * hidden * dim, dim, hidden);
            for (size_t i = 0; i < hidden; i++) g[i] = g[i] * (1.0f / (1.0f + expf(-g[i]))) * u[i];
            matmul(h, g, w2 + l * dim * hidden, hidden, dim);
            for (size_t i = 0; i < dim; i++) x[i] += h[i];
        }
        rms_norm(x, x, final_norm, dim);
        matmul(logits, x, embedding, dim, s.vocab);
        token = 0;
        for (int i = 1; i < s.vocab; i++) token = logits[i] > logits[token] ? i : token;
        printf("%d\n", token);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.9f\n", (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec));
    return 0;
}

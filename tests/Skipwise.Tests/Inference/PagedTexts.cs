using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>Texts that libtorch has read, each with a cache of its own and a copy of it in pages.</summary>
internal sealed unsafe class PagedTexts : IDisposable
{
    private readonly CausalLM _model;
    private readonly KvPagePool _pool;
    private readonly List<KvCache> _caches = [];

    /// <param name="lengths">of the texts, in tokens</param>
    /// <param name="steps">tokens that follow</param>
    public PagedTexts(CausalLM model, KvPageLayout layout, int[] lengths, int steps)
    {
        (_model, _pool) = (model, new KvPagePool(model, layout, long.MaxValue));
        for (int row = 0; row < lengths.Length; row++)
        {
            int length = lengths[row];
            var cache = new KvCache(model.Config, 1, length + steps, model.Dtype, model.Device);
            _caches.Add(cache);
            _ = Append(row, [.. TinyModel.Tokens((ulong)row + 1, length, model.Config.VocabSize)]);
            var text = new KvText(_pool);
            Assert.True(text.TryReserve(length + steps + 1));
            foreach (KvPage page in text.Pages)
            {
                new Span<byte>((byte*)page.Address, (int)layout.PageBytes).Fill(0xFF); // NaN: nothing beyond a text's end may count
            }
            text.Advance(length);
            Texts.Add(text);
            for (int layer = 0; layer < model.Config.NumHiddenLayers; layer++)
            {
                (Tensor keys, Tensor values) = cache.ReadRow(layer, 0);
                Copy(keys, text, layout, layer, 0);
                Copy(values, text, layout, layer, 1);
            }
        }
    }

    public List<KvText> Texts { get; } = [];

    /// <summary>The rows of a step with these ids.</summary>
    public DecodeRow[] Rows(int[] ids) =>
    [
        .. Texts.Select((text, row) => new DecodeRow(
            ids[row], text, RopeFrequency.Compute(_model.Config.Rope, _model.Config.RotaryDim, text.Length + 1))),
    ];

    /// <summary>libtorch's logits after one more token of a text [V].</summary>
    public float[] Append(int row, long[] ids)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        KvCache cache = _caches[row];
        using Rotary rotary = _model.RotaryFor(cache.NextPositions(ids.Length), cache.Length + ids.Length);
        Tensor hidden = _model.HiddenStates(tensor(ids).unsqueeze(0), rotary, cache);
        return [.. _model.Logits(hidden[0, -1]).to(ScalarType.Float32).data<float>()];
    }

    public void Dispose()
    {
        Texts.ForEach(text => text.Release());
        _pool.Dispose();
        _caches.ForEach(cache => cache.Dispose());
    }

    /// <param name="from">[K, L, D]</param>
    private static void Copy(Tensor from, KvText text, KvPageLayout layout, int layer, int part)
    {
        using var scope = NewDisposeScope();
        (int heads, int tokens, int dim) = ((int)from.size(0), (int)from.size(1), (int)from.size(2));
        float[] numbers = [.. from.to(ScalarType.Float32).contiguous().data<float>()];
        for (int head = 0; head < heads; head++)
        {
            for (int token = 0; token < tokens; token++)
            {
                byte* to = (byte*)text.Pages[token / KvPageLayout.PageTokens].Address + layout.Offset(layer, part, head)
                    + (token % KvPageLayout.PageTokens * layout.RowBytes);
                ReadOnlySpan<float> row = numbers.AsSpan(((head * tokens) + token) * dim, dim);
                for (int i = 0; i < dim; i++)
                {
                    Write(row[i], to, i, layout.Dtype);
                }
                if (layout.IsQuantized)
                {
                    WriteBlocks(row, to);
                }
            }
        }
    }

    /// <summary>llama.cpp's q8_0.</summary>
    private static void WriteBlocks(ReadOnlySpan<float> row, byte* to)
    {
        for (int start = 0; start < row.Length; start += 32, to += 34)
        {
            double largest = 0;
            for (int i = 0; i < 32; i++)
            {
                largest = Math.Max(largest, Math.Abs(row[start + i]));
            }
            Half scale = (Half)(largest / 127);
            *(Half*)to = scale;
            for (int i = 0; i < 32; i++)
            {
                ((sbyte*)to)[2 + i] = (sbyte)Math.Clamp(Math.Round(row[start + i] / (double)scale), -127, 127);
            }
        }
    }

    private static void Write(float number, byte* to, int index, ScalarType dtype)
    {
        switch (dtype)
        {
            case ScalarType.Float32: ((float*)to)[index] = number; break;
            case ScalarType.Float16: ((Half*)to)[index] = (Half)number; break;
            case ScalarType.BFloat16: ((ushort*)to)[index] = HalfFloats.NarrowBFloat16(number); break;
            case ScalarType.Int8: break; // written in blocks
            default: throw new ArgumentOutOfRangeException(nameof(dtype));
        }
    }
}

using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>Blocks against ggml's own reference functions, byte for byte.</summary>
public unsafe class BlockQuantizationTests
{
    private delegate void Quantize(float* values, byte* blocks, long count);
    private delegate void Dequantize(byte* blocks, float* values, long count);
    private delegate void Encode(ReadOnlySpan<float> values, Span<byte> blocks);
    private delegate void Decode(ReadOnlySpan<byte> blocks, Span<float> values);

    [Fact]
    public void Q8_0_has_the_bytes_of_ggml() =>
        Compare("q8_0", 34, BlockQuantization.EncodeQ80, BlockQuantization.DecodeQ80);

    [Fact]
    public void Q4_0_has_the_bytes_of_ggml() =>
        Compare("q4_0", 18, BlockQuantization.EncodeQ40, BlockQuantization.DecodeQ40);

    private static void Compare(string name, int blockBytes, Encode encode, Decode decode)
    {
        LlamaCpp.RequireNatives();
        nint library = NativeLibrary.Load(LlamaCpp.Library("ggml-base"));
        var quantize = Marshal.GetDelegateForFunctionPointer<Quantize>(NativeLibrary.GetExport(library, $"quantize_row_{name}_ref"));
        var dequantize = Marshal.GetDelegateForFunctionPointer<Dequantize>(NativeLibrary.GetExport(library, $"dequantize_row_{name}"));
        float[] values = Values();
        byte[] ours = new byte[values.Length / 32 * blockBytes], theirs = new byte[ours.Length];
        float[] ourValues = new float[values.Length], theirValues = new float[values.Length];
        encode(values, ours);
        decode(ours, ourValues);
        fixed (float* from = values, back = theirValues)
        fixed (byte* to = theirs)
        {
            quantize(from, to, values.Length);
            dequantize(to, back, values.Length);
        }
        Assert.Equal(theirs, ours);
        Assert.Equal(theirValues, ourValues);
    }

    /// <summary>Blocks of every magnitude, with ties, equal numbers, zeros and both signs of the largest.</summary>
    private static float[] Values()
    {
        var rng = new KeyedRandom(7);
        var values = new float[32 * 20_000];
        for (int block = 0; block < values.Length / 32; block++)
        {
            double scale = Math.Pow(10, -8 + (11 * rng.NextDouble()));
            int kind = block % 8;
            for (int i = 0; i < 32; i++)
            {
                values[(32 * block) + i] = (float)(kind switch
                {
                    0 => scale,
                    1 => 0,
                    2 => scale * rng.Between(-254, 254) / 254, // half steps of 127
                    3 => scale * rng.Between(-16, 16) / 16,
                    4 => i == 0 ? -scale : scale * (rng.NextDouble() - 0.5),
                    _ => scale * ((2 * rng.NextDouble()) - 1),
                });
            }
        }
        return values;
    }
}

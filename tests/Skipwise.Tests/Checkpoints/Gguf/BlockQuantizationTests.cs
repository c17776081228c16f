using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>Blocks of the types that are written, against ggml's own reference functions byte for byte.</summary>
public unsafe class BlockQuantizationTests
{
    private delegate void Quantize(float* values, byte* blocks, long count);

    [Theory]
    [InlineData("q8_0"), InlineData("q4_0")]
    public void Values_become_the_bytes_of_ggml(string name)
    {
        LlamaCpp.RequireNatives();
        nint library = NativeLibrary.Load(LlamaCpp.Library("ggml-base"));
        var quantize = Marshal.GetDelegateForFunctionPointer<Quantize>(NativeLibrary.GetExport(library, $"quantize_row_{name}_ref"));
        GgufType type = GgufType.Written.Single(written => string.Equals(written.Name, name, StringComparison.OrdinalIgnoreCase));
        float[] values = Values();
        byte[] ours = new byte[values.Length / type.BlockElements * type.BlockBytes], theirs = new byte[ours.Length];
        type.Stored.Blocks!.Encode!(values, ours);
        fixed (float* from = values)
        fixed (byte* to = theirs)
        {
            quantize(from, to, values.Length);
        }
        Assert.Equal(theirs, ours);
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

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A number by which stored answers know their model again. It is taken from the architecture, the rotary scaling and every weight in
/// memory, not from file names or dates: a copied folder is the same model, and one that was trained on is another.
/// </summary>
public static class ModelFingerprint
{
    private const long BytesAtOnce = 1L << 28;

    public static ulong Compute(CausalLM model)
    {
        using var _ = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(model.Config));
        foreach ((string name, Parameter weight) in model.named_parameters())
        {
            hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(name));
            hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(weight.shape));
            using var scope = NewDisposeScope();
            Tensor rows = weight.detach().reshape(weight.size(0), -1);
            long rowsAtOnce = Math.Max(1, BytesAtOnce / Math.Max(1, rows.size(1) * rows.dtype.ElementSize()));
            for (long row = 0; row < rows.size(0); row += rowsAtOnce)
            {
                using var piece = NewDisposeScope();
                hash.AppendData(rows.narrow(0, row, Math.Min(rowsAtOnce, rows.size(0) - row)).contiguous().cpu().bytes);
            }
        }
        return BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset());
    }
}

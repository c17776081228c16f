using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A hash that identifies a model to stored responses. It covers the architecture, the RoPE scaling and every weight in memory, but no file
/// names or dates: a copied folder is the same model, a trained one is another. The hashed values have stable names
/// (<see cref="ArchitectureValues"/>), so that results stay valid when the code changes.
/// </summary>
internal static class ModelFingerprint
{
    private const string Version = "skipwise model fingerprint 2"; // 1 hashed the names of C# properties
    private const long BytesAtOnce = 1L << 28;

    public static ulong Compute(CausalLM model)
    {
        using var _ = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(Version);
        foreach (NamedValue value in ArchitectureValues.OfForward(model.Config).Where(value => !value.IsMissing))
        {
            Add($"{value.Name}={value.Value}");
        }
        foreach ((string name, Parameter weight) in model.named_parameters())
        {
            Add($"{name} {TypeName(weight.dtype)} [{string.Join(',', weight.shape)}]");
            using var scope = NewDisposeScope();
            Tensor rows = weight.detach().reshape(weight.size(0), -1);
            long rowsAtOnce = Math.Max(1, BytesAtOnce / Math.Max(1, rows.size(1) * rows.dtype.ElementSize()));
            for (long row = 0; row < rows.size(0); row += rowsAtOnce)
            {
                using var piece = NewDisposeScope();
                using TensorPointers pointers = new();
                hash.AppendData(pointers.Bytes(rows.narrow(0, row, Math.Min(rowsAtOnce, rows.size(0) - row)).contiguous().cpu()));
            }
        }
        return BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset());

        void Add(string line) => hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
    }

    private static string TypeName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "float32",
        ScalarType.BFloat16 => "bfloat16",
        ScalarType.Float16 => "float16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "weights are of another type"),
    };
}

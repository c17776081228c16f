using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>Writes tensors as a safetensors file that every other reader of the format accepts.</summary>
/// <example>
/// <code>
/// using TorchSharp;
///
/// using torch.Tensor weight = torch.randn(4, 8);
/// SafetensorsWriter.Write("half.safetensors", [("weight", weight, torch.ScalarType.Float16)]);
/// </code>
/// </example>
public static class SafetensorsWriter
{
    private const int PieceElements = 1 << 22;
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes the tensors in the order given, each converted to its file type slice by slice, without a second copy of a large tensor. The
    /// file appears under its name only when it is complete. The metadata becomes <c>__metadata__</c>; null writes <c>{"format":
    /// "pt"}</c>, which other readers require.
    /// </summary>
    /// <exception cref="SkipwiseException">the disk is full or the folder cannot be written, or values exceed the range of a smaller file
    /// type</exception>
    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor, ScalarType Type)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors.Select(t => new OutputTensor(t.Name, t.Tensor.shape, [t.Tensor], t.Type)), metadata);

    /// <inheritdoc cref="Write(string, IEnumerable{ValueTuple{string, Tensor, ScalarType}}, IReadOnlyDictionary{string, string}?)"/>
    /// <param name="isPrivate">whether other users of the machine may not read it</param>
    internal static void Write(string path, IEnumerable<OutputTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null,
        bool isPrivate = false)
    {
        OutputTensor[] all = [.. tensors];
        byte[] header = Header(all, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[SafetensorsFile.LengthField];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            var beyond = new OrderedDictionary<string, double>();
            foreach (OutputTensor tensor in all)
            {
                using DisposeScope made = NewDisposeScope();
                foreach (Tensor part in tensor.Parts)
                {
                    if (WriteData(stream, part, tensor.Type) is { } largest)
                    {
                        beyond[tensor.Name] = largest;
                    }
                }
            }
            RequireInRange(path, all, beyond);
        }, isPrivate);
    }

    /// <summary>Refuses to save a finite value as infinite, or a NaN.</summary>
    private static void RequireInRange(string path, OutputTensor[] tensors, OrderedDictionary<string, double> beyond)
    {
        if (beyond.Count == 0)
        {
            return;
        }
        ScalarType type = tensors.First(tensor => tensor.Name == beyond.GetAt(0).Key).Type;
        throw new SkipwiseException(
            $"{path}: not written: values leave the range of {StoredType.FromScalarType(type).Name}, the type of the " +
            $"file, in {FiniteCheck.Describe(beyond)}. " +
            "Store the base model in bfloat16 or float32 (F32) first, for the result is stored in its type");
    }

    private static byte[] Header(OutputTensor[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_plain))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (OutputTensor tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", StoredType.FromScalarType(tensor.Type).Name);
                json.WriteStartArray("shape");
                foreach (long size in tensor.Shape)
                {
                    json.WriteNumberValue(size);
                }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        const int cacheLine = 64; // alignment of the data part, padded with spaces, so that it can be mapped (MappedFile.Alignment)
        while ((SafetensorsFile.LengthField + buffer.Length) % cacheLine != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.ToArray();
    }

    /// <returns>the largest magnitude, if it is outside the type's range; else null</returns>
    private static double? WriteData(FileStream stream, Tensor tensor, ScalarType type)
    {
        double? beyond = null;
        using IDisposable noGradient = no_grad();
        using Tensor detached = tensor.detach();
        using Tensor flat = detached.reshape(-1);
        for (long start = 0; start < flat.numel(); start += PieceElements)
        {
            using Tensor piece = flat.narrow(0, start, Math.Min(PieceElements, flat.numel() - start));
            using Tensor stored = piece.to(type, CPU);
            if (type != tensor.dtype && FiniteCheck.HasNonFinite(stored))
            {
                beyond = FiniteCheck.MaxAbs(piece);
            }
            using TensorPointers pointers = new();
            stream.Write(pointers.Bytes(stored));
        }
        return beyond;
    }
}

using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>Writes tensors as a safetensors file that every other reader of the format accepts.</summary>
public static class SafetensorsWriter
{
    private const int PieceElements = 1 << 22;
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes the tensors in the order given, each converted to its file type piece by piece, so that no second copy of a
    /// large tensor is needed. The file appears under its name only when it is complete. The metadata becomes
    /// <c>__metadata__</c>; null writes <c>{"format": "pt"}</c>, which other readers ask for.
    /// </summary>
    /// <exception cref="SkipwiseException">the disk is full or the folder cannot be written</exception>
    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor, ScalarType Type)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors.Select(t => new OutputTensor(t.Name, t.Tensor.shape, [t.Tensor], t.Type)), metadata);

    /// <inheritdoc cref="Write(string, IEnumerable{ValueTuple{string, Tensor, ScalarType}}, IReadOnlyDictionary{string, string}?)"/>
    internal static void Write(string path, IEnumerable<OutputTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        OutputTensor[] all = [.. tensors];
        byte[] header = Header(all, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[SafetensorsFile.LengthField];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (OutputTensor tensor in all)
            {
                foreach (Tensor part in tensor.Parts)
                {
                    WriteData(stream, part, tensor.Type);
                }
            }
        });
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
                json.WriteString("dtype", StoredType.Of(tensor.Type).Name);
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
        const int cacheLine = 64; // where the data part begins, filled up with spaces; it can be mapped there (MappedFile.Alignment)
        while ((SafetensorsFile.LengthField + buffer.Length) % cacheLine != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.ToArray();
    }

    private static void WriteData(FileStream stream, Tensor tensor, ScalarType type)
    {
        using IDisposable noGradient = no_grad();
        using Tensor detached = tensor.detach();
        using Tensor flat = detached.reshape(-1);
        for (long start = 0; start < flat.numel(); start += PieceElements)
        {
            using Tensor piece = flat.narrow(0, start, Math.Min(PieceElements, flat.numel() - start));
            using Tensor stored = piece.to(type, CPU);
            stream.Write(stored.bytes);
        }
    }
}

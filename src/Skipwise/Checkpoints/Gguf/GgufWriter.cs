using System.Buffers.Binary;
using System.Text;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Storage.Gguf;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// Writes a GGUF file (version 3, little endian): magic, counts, metadata, the list of tensors, then their bytes, each aligned. Tensors are
/// written one by one and converted slice by slice, so at most one of them is in memory twice.
/// </summary>
internal static class GgufWriter
{
    private const int PieceElements = 1 << 22; // a multiple of every block

    /// <summary>Writes a whole file.</summary>
    /// <param name="stream">receives it from beginning to end</param>
    /// <param name="path">for error messages</param>
    /// <param name="metadata">without the alignment, which is the default</param>
    /// <param name="stop">looked at before every piece of a tensor</param>
    /// <exception cref="SkipwiseException">values exceed the range of float16, or are not finite</exception>
    public static void Write(
        Stream stream, string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, CancellationToken stop = default)
    {
        byte[] header = Header(metadata, tensors);
        stream.Write(header);
        stream.Write(Padding(header.Length));
        var beyond = new OrderedDictionary<string, double>();
        foreach (GgufTensor tensor in tensors)
        {
            using DisposeScope made = NewDisposeScope();
            using IDisposable noGradient = no_grad();
            foreach (Tensor part in tensor.Parts())
            {
                using (part)
                {
                    if (WriteData(stream, part, tensor.Type, stop) is { } largest)
                    {
                        beyond[tensor.Name] = largest;
                    }
                }
            }
            stream.Write(Padding(tensor.Bytes));
        }
        RequireInRange(path, beyond);
    }

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer, Encoding.UTF8); // numbers are little endian
        writer.Write(Encoding.ASCII.GetBytes(GgufStart.Magic));
        writer.Write(GgufStart.Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Values.Count);
        foreach ((string key, object value) in metadata.Values)
        {
            WriteText(writer, key);
            WriteValue(writer, value);
        }
        long offset = 0;
        foreach (GgufTensor tensor in tensors)
        {
            WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Count);
            foreach (long size in tensor.Shape.Reverse())
            {
                writer.Write((ulong)size);
            }
            writer.Write(tensor.Type.Id);
            writer.Write((ulong)offset);
            offset += Aligned(tensor.Bytes);
        }
        writer.Flush();
        return buffer.ToArray();
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteValue(BinaryWriter writer, object value)
    {
        if (value is Array items)
        {
            object[] all = [.. items.Cast<object>()];
            writer.Write((uint)GgufValueType.Array);
            writer.Write((uint)TypeOf(items.GetType().GetElementType()!));
            writer.Write((ulong)all.Length);
            Array.ForEach(all, item => WriteScalar(writer, item));
            return;
        }
        writer.Write((uint)TypeOf(value.GetType()));
        WriteScalar(writer, value);
    }

    private static GgufValueType TypeOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "GGUF has no such value"),
    };

    private static void WriteScalar(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number: writer.Write(number); break;
            case sbyte number: writer.Write(number); break;
            case ushort number: writer.Write(number); break;
            case short number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case bool truth: writer.Write(truth); break;
            case string text: WriteText(writer, text); break;
            case ulong number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            default: writer.Write((double)value); break;
        }
    }

    /// <returns>the largest magnitude, if a value leaves the range of what is stored; else null</returns>
    private static double? WriteData(Stream stream, Tensor part, GgufType type, CancellationToken stop)
    {
        double? beyond = null;
        using Tensor flat = part.detach().reshape(-1);
        byte[] blocks = type.Stored.Blocks is null ? []
            : new byte[Math.Min(PieceElements, flat.numel()) / type.BlockElements * type.BlockBytes];
        for (long start = 0; start < flat.numel(); start += PieceElements)
        {
            stop.ThrowIfCancellationRequested();
            using Tensor piece = flat.narrow(0, start, Math.Min(PieceElements, flat.numel() - start));
            using Tensor stored = piece.to(type.Stored.Blocks is null ? type.Torch : ScalarType.Float32, CPU);
            using TensorPointers pointers = new();
            if (type.Stored.Blocks is null)
            {
                stream.Write(pointers.Bytes(stored));
            }
            else
            {
                stream.Write(blocks, 0, Encode(pointers, stored, type, blocks));
            }
            if (LeavesRange(piece, stored, type))
            {
                beyond = FiniteCheck.MaxAbs(piece);
            }
        }
        return beyond;
    }

    private static bool LeavesRange(Tensor piece, Tensor stored, GgufType type) => type.Stored.Blocks is null
        ? (type.Torch != piece.dtype && FiniteCheck.HasNonFinite(stored))
        : FiniteCheck.MaxAbs(stored) / ScaleDivisor(type) > (double)Half.MaxValue; // the scale is a float16

    private static double ScaleDivisor(GgufType type) => type == GgufType.Q80 ? 127 : 8;

    /// <returns>the number of bytes</returns>
    private static unsafe int Encode(TensorPointers pointers, Tensor stored, GgufType type, byte[] blocks)
    {
        const int chunk = 1 << 16; // a multiple of every block
        float* values = pointers.To<float>(stored);
        int count = (int)stored.numel();
        void EncodeChunk(int thread, int index)
        {
            int first = index * chunk, elements = Math.Min(chunk, count - first);
            var from = new ReadOnlySpan<float>(values + first, elements);
            Span<byte> to = blocks.AsSpan(first / type.BlockElements * type.BlockBytes, elements / type.BlockElements * type.BlockBytes);
            type.Stored.Blocks!.Encode!(from, to);
        }
        ParallelWork.For(get_num_threads(), (count + chunk - 1) / chunk, EncodeChunk);
        return count / type.BlockElements * type.BlockBytes;
    }

    /// <summary>Refuses to save a finite value as infinite, or a NaN.</summary>
    private static void RequireInRange(string path, OrderedDictionary<string, double> beyond)
    {
        if (beyond.Count == 0)
        {
            return;
        }
        throw new SkipwiseException(
            $"{path}: not written: values leave the range of the type in the file, in {FiniteCheck.Describe(beyond)}. Write bf16 or f32");
    }

    private static long Aligned(long bytes) =>
        (bytes + GgufMetadata.DefaultAlignment - 1) / GgufMetadata.DefaultAlignment * GgufMetadata.DefaultAlignment;

    private static byte[] Padding(long bytes) => new byte[Aligned(bytes) - bytes];
}

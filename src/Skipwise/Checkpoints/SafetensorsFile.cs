using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>
/// A safetensors file, open for reading: 8 bytes with the header's length, the JSON header, then the tensors' bytes, row
/// by row, little endian (huggingface.co/docs/safetensors). Opening reads and checks the header alone; tensors are read one by
/// one, straight into their destination.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    // A conversion goes through a piece of this many bytes, so that it never needs a second copy of a large tensor.
    private const int PieceBytes = 1 << 24;
    private const int LengthField = 8;
    private readonly SafeFileHandle _handle;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header)
    {
        Path = path;
        _handle = handle;
        Metadata = header.Metadata;
        Tensors = new OrderedDictionary<string, TensorEntry>(header.Tensors.Select(t => KeyValuePair.Create(t.Name, t)));
    }

    public string Path { get; }

    /// <summary>The tensors by name, in the order in which their bytes lie in the file.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The <c>__metadata__</c> of the header; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="SkipwiseException">there is no such file, it cannot be read, or its header does not hold together</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            long length = RandomAccess.GetLength(handle);
            Span<byte> lengthField = stackalloc byte[LengthField];
            if (length < LengthField || RandomAccess.Read(handle, lengthField, 0) < LengthField)
            {
                throw new SkipwiseException($"{path}: {length} bytes are too few for a safetensors file: it is empty or cut off");
            }
            ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(lengthField);
            if (headerLength > SafetensorsHeader.LongestHeader)
            {
                throw new SkipwiseException($"{path}: claims a header of {headerLength} bytes; at most {SafetensorsHeader.LongestHeader} are allowed. This is no safetensors file");
            }
            if (headerLength > (ulong)(length - LengthField))
            {
                throw new SkipwiseException($"{path}: claims a header of {headerLength} bytes, but only {length - LengthField} follow: the file is cut off. Fetch it again");
            }
            byte[] json = new byte[headerLength];
            ReadAll(handle, json, LengthField, path);
            var header = SafetensorsHeader.Parse(json, LengthField + json.Length, length, path);
            return new SafetensorsFile(path, handle, header);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
            }
            throw;
        }
    }

    /// <summary>The tensor's bytes as they lie in the file; the destination is exactly as long.</summary>
    public void ReadBytes(TensorEntry tensor, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, tensor.Length, nameof(destination));
        ReadAll(_handle, destination, tensor.Offset, Path);
    }

    /// <summary>A new CPU tensor of the file's own type. The caller owns it (or the scope around the call).</summary>
    public Tensor Read(TensorEntry tensor)
    {
        Tensor result = empty([.. tensor.Shape], TorchTypeOf(tensor));
        ReadInto(tensor, result);
        return result;
    }

    /// <summary>Fills a tensor of the same shape, on any device; f64, f32, f16 and bf16 are converted to its type.</summary>
    /// <exception cref="SkipwiseException">the shape differs, the types do not convert, or the file is shorter than when it was opened</exception>
    public void ReadInto(TensorEntry tensor, Tensor destination)
    {
        ScalarType type = TorchTypeOf(tensor);
        if (!tensor.Shape.SequenceEqual(destination.shape))
        {
            throw new SkipwiseException($"{Path}: tensor {tensor.Name}: expected shape {TensorEntry.Describe(destination.shape)}, found {TensorEntry.Describe(tensor.Shape)}");
        }
        if (type != destination.dtype && !(tensor.Type.IsFloat && StoredType.Of(destination.dtype).IsFloat))
        {
            throw new SkipwiseException($"{Path}: tensor {tensor.Name}: found {tensor.Type}, which does not convert to {destination.dtype}");
        }
        using IDisposable noGradient = no_grad();
        using Tensor flat = destination.view(-1);
        bool inPlace = type == destination.dtype && destination.device_type == DeviceType.CPU;
        long step = PieceBytes / tensor.Type.Size;
        using Tensor? piece = inPlace || flat.numel() == 0 ? null : empty(Math.Min(step, flat.numel()), type);
        for (long start = 0; start < flat.numel(); start += step)
        {
            long count = Math.Min(step, flat.numel() - start);
            using Tensor target = flat.narrow(0, start, count);
            using Tensor? source = piece?.narrow(0, 0, count);
            ReadAll(_handle, (source ?? target).bytes, tensor.Offset + (start * tensor.Type.Size), Path);
            if (source is not null)
            {
                target.copy_(source);
            }
        }
    }

    public void Dispose() => _handle.Dispose();

    private ScalarType TorchTypeOf(TensorEntry tensor) => tensor.Type.Torch
        ?? throw new SkipwiseException($"{Path}: tensor {tensor.Name}: there is no tensor type for {tensor.Type}. Convert the file to F32, F16 or BF16 first");

    private static void ReadAll(SafeFileHandle handle, Span<byte> destination, long offset, string path)
    {
        while (destination.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, offset);
            }
            catch (IOException e)
            {
                throw new SkipwiseException($"{path}: reading failed at byte {offset}: {e.Message}", e);
            }
            if (read == 0)
            {
                throw new SkipwiseException($"{path}: ends at byte {offset}: it became shorter while it was being read");
            }
            destination = destination[read..];
            offset += read;
        }
    }
}

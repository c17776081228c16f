using Microsoft.Win32.SafeHandles;
using Skipwise.Kernels;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// A file of named tensors, open for reading. Every format comes down to the same thing, a list of places in the file, so a format
/// is a reader of that list; the tensors themselves are read here, one by one, straight into their destination.
/// </summary>
public abstract class TensorFile : IDisposable
{
    // A conversion that libtorch makes goes through a piece of this many bytes, so that it never needs a second copy of a large tensor.
    private const int PieceBytes = 1 << 24;
    private readonly SafeFileHandle _handle;

    private protected TensorFile(string path, SafeFileHandle handle, IEnumerable<TensorEntry> tensors,
        IReadOnlyDictionary<string, string> metadata)
    {
        Path = path;
        _handle = handle;
        Metadata = metadata;
        Tensors = new OrderedDictionary<string, TensorEntry>(tensors.Select(t => KeyValuePair.Create(t.Name, t)));
    }

    public string Path { get; }

    /// <summary>The tensors by name, in the order of the file.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>What a safetensors file of these tensors carries as <c>__metadata__</c>; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensor's bytes as they lie in the file; the destination is exactly as long.</summary>
    public void ReadBytes(TensorEntry tensor, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, tensor.Length, nameof(destination));
        FileBytes.Read(_handle, destination, tensor.Offset, Path);
    }

    /// <summary>A CPU tensor over the file's own pages, which takes no memory of its own until it is changed; the file is never changed by
    /// it.</summary>
    /// <param name="alignment">what its address has to be a multiple of: 1 where a last bit that depends on it does no harm</param>
    /// <returns>null where the bytes have to be read; the caller owns the tensor, which may outlive the file's being open</returns>
    /// <exception cref="SkipwiseException">the file is shorter than when it was opened, or the disk fails</exception>
    public virtual Tensor? Map(TensorEntry tensor, int alignment = MappedFile.Alignment) => null;

    /// <summary>A new CPU tensor of the file's own type. The caller owns it (or the scope around the call).</summary>
    public Tensor Read(TensorEntry tensor)
    {
        Tensor result = empty([.. tensor.Shape], TorchTypeOf(tensor));
        ReadInto(tensor, result);
        return result;
    }

    /// <summary>Fills a contiguous tensor of the same shape, on any device; f64, f32, f16 and bf16 are converted to its type.</summary>
    /// <exception cref="SkipwiseException">the shape differs, the types do not convert, or the file is shorter than when it was
    /// opened</exception>
    public unsafe void ReadInto(TensorEntry tensor, Tensor destination)
    {
        ScalarType type = TorchTypeOf(tensor);
        if (!tensor.Shape.SequenceEqual(destination.shape))
        {
            throw new SkipwiseException(
                $"{Path}: tensor {tensor.Name}: expected shape {TensorEntry.Describe(destination.shape)}, found " +
                $"{TensorEntry.Describe(tensor.Shape)}");
        }
        if (type != destination.dtype && !(tensor.Type.IsFloat && StoredType.FromScalarType(destination.dtype).IsFloat))
        {
            throw new SkipwiseException(
                $"{Path}: tensor {tensor.Name}: found {tensor.Type}, which does not convert to {destination.dtype}");
        }
        if (destination.numel() == 0)
        {
            return;
        }
        using IDisposable noGradient = no_grad();
        using Tensor flat = destination.view(-1);
        if (tensor.View is not null)
        {
            ReadStrided(tensor, type, flat);
        }
        else if (destination.device_type == DeviceType.CPU && ElementConversion.For(type, destination.dtype) is { } widening)
        {
            using TensorPointers pointers = new();
            DirectReader.Fill(_handle, Path, tensor.Offset, pointers.ToBytes(flat), flat.numel(), widening);
        }
        else
        {
            ReadThroughTorch(tensor, type, flat);
        }
    }

    public virtual void Dispose()
    {
        _handle.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens a file and reads its list of tensors, closing it again if that fails.</summary>
    private protected static T Open<T>(string path, Func<SafeFileHandle, T> read)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = InputFile.OpenHandle(path);
            return read(handle);
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

    private void ReadThroughTorch(TensorEntry tensor, ScalarType type, Tensor flat)
    {
        long step = PieceBytes / tensor.Type.Size;
        using Tensor piece = empty(Math.Min(step, flat.numel()), type);
        for (long start = 0; start < flat.numel(); start += step)
        {
            long count = Math.Min(step, flat.numel() - start);
            using Tensor target = flat.narrow(0, start, count);
            using Tensor source = piece.narrow(0, 0, count);
            using TensorPointers pointers = new();
            FileBytes.Read(_handle, pointers.Bytes(source), tensor.Offset + (start * tensor.Type.Size), Path);
            target.copy_(source);
        }
    }

    private unsafe void ReadStrided(TensorEntry tensor, ScalarType type, Tensor flat)
    {
        using Tensor stored = empty(tensor.Length / tensor.Type.Size, type);
        using (TensorPointers pointers = new())
        {
            byte* memory = pointers.ToBytes(stored);
            DirectReader.Fill(_handle, Path, tensor.Offset, memory, stored.numel(), ElementConversion.For(type, type)!);
        }
        using Tensor inOrder = stored.as_strided([.. tensor.View!.Sizes], [.. tensor.View.Strides]);
        using Tensor target = flat.view([.. tensor.View.Sizes]);
        target.copy_(inOrder);
    }

    private ScalarType TorchTypeOf(TensorEntry tensor) => tensor.Type.Torch
        ?? throw new SkipwiseException(
            $"{Path}: tensor {tensor.Name}: there is no tensor type for {tensor.Type}. Convert the file to F32, F16 or BF16 first");
}

using Microsoft.Win32.SafeHandles;
using Skipwise.Checkpoints.Formats;
using Skipwise.Storage.Gguf;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// A GGUF file, open for reading (versions 2 and 3). Opening reads and checks what is before the tensors. Tensors of F64, F32, F16 and BF16
/// are read as they are, those of blocks as float32; some types of llama.cpp are only listed (<see cref="GgufType.Readable"/>).
/// </summary>
internal sealed class GgufFile : TensorFile
{
    private static readonly Dictionary<string, string> s_metadata = new() { ["format"] = "pt" };

    private GgufFile(string path, SafeFileHandle handle, GgufHeader header)
        : base(path, handle, header.Tensors, s_metadata, isMapped: true) => Values = header.Metadata;

    /// <summary>The file's metadata.</summary>
    public GgufMetadata Values { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="SkipwiseException">there is no such file, it is no GGUF file, or its header is inconsistent</exception>
    public static GgufFile Open(string path) => Open(path, handle =>
        new GgufFile(path, handle, GgufHeader.Parse(new GgufCursor(handle, path, RandomAccess.GetLength(handle)))));

    /// <summary>Opens the file of a model, with its tensors as Hugging Face stores them (<see cref="GgufTensors"/>).</summary>
    /// <exception cref="SkipwiseException">as for <see cref="Open(string)"/>; or it is no model of a known architecture, or not all of
    /// one</exception>
    public static GgufFile OpenModel(string path) => Open(path, handle =>
    {
        var header = GgufHeader.Parse(new GgufCursor(handle, path, RandomAccess.GetLength(handle)));
        var stored = new GgufFile(path, handle, header);
        return new GgufFile(path, handle, header with { Tensors = GgufTensors.AsHuggingFace(stored, GgufConfig.Read(stored)) });
    });
}

using Skipwise.Checkpoints.Gguf;
using Skipwise.Storage.Gguf;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A GGUF file in float32 with other keys, or with further tensors.</summary>
internal static class ChangedGguf
{
    /// <param name="changes">null: without the key</param>
    /// <param name="further">names of tensors of 8 numbers</param>
    /// <returns>path of the new file</returns>
    public static string Write(string path, string changed, IReadOnlyList<(string Key, object? Value)> changes, params string[] further)
    {
        using GgufFile file = GgufFile.Open(path);
        var metadata = new GgufMetadata();
        foreach ((string key, object value) in file.Values.Values.Where(pair => changes.All(change => change.Key != pair.Key)))
        {
            metadata.Add(key, value);
        }
        foreach ((string key, object? value) in changes)
        {
            metadata.Add(key, value);
        }
        using FileStream stream = File.Create(changed);
        GgufWriter.Write(stream, changed, metadata,
        [
            .. file.Tensors.Values.Select(entry => new GgufTensor(entry.Name, entry.Shape, GgufType.F32, () => [file.Read(entry)])),
            .. further.Select(name => new GgufTensor(name, [8], GgufType.F32, () => [ones(8)])),
        ]);
        return changed;
    }
}

using Skipwise.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests;

/// <summary>A batch from tensors that lie in a file.</summary>
internal static class TensorBatch
{
    /// <param name="ids">int64 [B, T], as positions and labels</param>
    public static Batch Of(Tensor ids, Tensor positions, Tensor labels)
    {
        int[][] Rows(Tensor tensor) =>
            [.. Enumerable.Range(0, (int)tensor.size(0))
                .Select(row => tensor[row].contiguous().data<long>().Select(value => (int)value).ToArray())];
        return Batch.Padded(
            [.. Rows(ids).Zip(Rows(positions), Rows(labels)).Select(row => new TrainingExample(row.First, row.Second, row.Third))], CPU);
    }
}

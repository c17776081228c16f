using System.CommandLine;
using Skipwise.Runtime;

namespace Skipwise.Cli.Flags;

/// <summary>Where and in which type to compute, wherever a model is loaded.</summary>
internal sealed class ComputeFlags(Command command)
{
    private readonly Flag<string?> _device =
        command.Text("--device", "cpu|cuda|cuda:n", "device to compute on [default: the GPU if libtorch finds one]")
        .Sets(nameof(ComputeOptions.Device));
    private readonly Flag<Precision> _dtype =
        command.Choice("--dtype", "type of the forward and backward pass; float16 is for GPUs", new ComputeOptions().Dtype)
        .Sets(nameof(ComputeOptions.Dtype));
    private readonly Flag<bool> _tf32 =
        command.Switch("--tf32", "let a GPU multiply float32 matrices in TF32 (10 bits of precision), several times as fast")
        .Sets(nameof(ComputeOptions.Tf32));

    /// <exception cref="SkipwiseException">there is no such device; thrown before anything is read</exception>
    public ComputeOptions Of(ParseResult parse)
    {
        var options = new ComputeOptions { Device = _device.ValueOf(parse), Dtype = _dtype.ValueOf(parse), Tf32 = _tf32.ValueOf(parse) };
        options.Validate();
        return options;
    }
}

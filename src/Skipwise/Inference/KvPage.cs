using Skipwise.Kernels;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Memory for the keys and values of a few tokens in all layers. Texts with a common prefix share its pages, which are counted
/// by reference and never written again.</summary>
internal sealed unsafe class KvPage : IDisposable
{
    private readonly TensorPointers _pointers = new();

    public KvPage(KvPageLayout layout, Device device)
    {
        Layout = layout;
        Memory = empty(layout.Shape, layout.MemoryType, device).DetachFromDisposeScope();
        if (device.type == DeviceType.CPU)
        {
            Address = _pointers.Address(Memory);
            MemoryPages.AdviseHugePages((byte*)Address, layout.PageBytes);
        }
    }

    public KvPageLayout Layout { get; }

    /// <summary><see cref="KvPageLayout.Shape"/></summary>
    public Tensor Memory { get; }

    /// <summary>address of the first byte; 0 on a GPU</summary>
    public nint Address { get; }

    /// <summary>texts and prefixes that hold it</summary>
    public int References { get; set; }

    /// <summary>Stores a layer's keys or values from a slot on.</summary>
    /// <param name="part">0: keys; 1: values</param>
    /// <param name="rows">[K, count, D]</param>
    public void Write(int layer, int part, int slot, Tensor rows)
    {
        using var scope = NewDisposeScope();
        Tensor view = View(layer, part, slot, (int)rows.size(1));
        if (!Layout.IsQuantized)
        {
            view.copy_(rows);
        }
        else if (Address == 0)
        {
            QuantizedRows.WriteReference(rows, view);
        }
        else
        {
            QuantizedRows.Write(rows, (byte*)Address + Layout.Offset(layer, part, 0), slot);
        }
    }

    /// <summary>Reads a layer's keys or values from slot 0 on.</summary>
    /// <param name="part">0: keys; 1: values</param>
    /// <param name="to">[K, count, D]</param>
    public void Read(int layer, int part, Tensor to)
    {
        using var scope = NewDisposeScope();
        Tensor view = View(layer, part, 0, (int)to.size(1));
        if (!Layout.IsQuantized)
        {
            to.copy_(view);
        }
        else if (Address == 0)
        {
            QuantizedRows.ReadReference(view, to);
        }
        else
        {
            Tensor wide = to.dtype == ScalarType.Float32 ? to : empty(to.shape, ScalarType.Float32, to.device);
            QuantizedRows.Read((byte*)Address + Layout.Offset(layer, part, 0), wide);
            if (to.dtype != ScalarType.Float32)
            {
                to.copy_(wide);
            }
        }
    }

    /// <summary>A layer's keys or values [K, count, D] from a slot on, or their bytes where they are quantized; a view.</summary>
    /// <param name="part">0: keys; 1: values</param>
    public Tensor View(int layer, int part, int slot, int count)
    {
        using var scope = NewDisposeScope();
        return Memory[layer, part].narrow(1, slot, count).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _pointers.Dispose();
        Memory.Dispose();
    }
}
